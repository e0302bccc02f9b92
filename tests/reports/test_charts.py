"""Contents of the charts, read from matplotlib's objects."""

import numpy as np
import pytest

from pyskl.reports import charts
from pyskl.reports.reliability import Bin

CURVES = {'train/loss': ([1, 2], [0.5, 0.4]), 'val/top1_acc': ([1, 2], [0.3, 0.6]), 'train/data_time': ([1], [0.1])}


def test_curves_have_one_panel_per_known_metric():
    chart = charts.curves_chart({'a': CURVES})
    assert [axes.get_title() for axes in chart.axes] == ['loss', 'top-1']
    (line,) = chart.axes[1].get_lines()
    assert line.get_xydata().tolist() == [[1, 0.3], [2, 0.6]] and line.get_label() == 'val'


def test_runs_have_colours_and_labels_of_their_own():
    chart = charts.curves_chart({'a': CURVES, 'b': {'val/top1_acc': ([1], [0.5])}})
    lines = chart.axes[1].get_lines()
    assert [line.get_label() for line in lines] == ['a val', 'b val']
    assert lines[0].get_color() != lines[1].get_color()
    assert len(chart.axes[0].get_lines()) == 1  # the second run logged no loss


def test_runs_without_a_known_metric_raise():
    with pytest.raises(ValueError, match='logged none of loss, top1_acc'):
        charts.curves_chart({'a': {'train/data_time': ([1], [0.1])}})


def test_cells_of_the_confusion_matrix_are_shares_of_the_true_class():
    chart = charts.confusion_chart(np.array([[3, 1], [0, 0]]), ['walk', 'wave'])
    axes = chart.axes[0]
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25], [0, 0]]
    assert [text.get_text() for text in axes.texts] == ['75', '25']
    assert [label.get_text() for label in axes.get_yticklabels()] == ['walk', 'wave']


def test_bars_of_a_reliability_chart_are_accuracies():
    bins = [Bin(low=0.0, high=0.5, clips=2, confidence=0.4, accuracy=0.5), Bin(0.5, 1.0, 4, 0.8, 0.75)]
    bars = charts.reliability_chart(bins).axes[0].patches
    assert [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in bars] == [(0.0, 0.5, 0.5), (0.5, 0.5, 0.75)]


def test_svg_is_a_deterministic_element_of_flexible_width():
    first, second = (charts.svg(charts.curves_chart({'a': CURVES})) for _ in range(2))
    assert first == second
    head = first[: first.index('>')]
    assert head.startswith('<svg') and 'width=' not in head and 'viewBox=' in head
    assert '>loss</text>' in first


@pytest.mark.parametrize(('name', 'start'), [('a.png', b'\x89PNG'), ('a.svg', b'<?xml'), ('a.PDF', b'%PDF')])
def test_the_suffix_selects_the_format(tmp_path, name, start):
    charts.save(charts.curves_chart({'a': CURVES}), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)


def test_another_suffix_raises_and_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match=r'must end with .png, .svg or .pdf'):
        charts.save(charts.figure(1, 1), tmp_path / 'a.jpg')
    assert list(tmp_path.iterdir()) == []
