"""``pyskl models``: the table, its filters, and the page of the docs."""

import json
import sys
from pathlib import Path

import pytest

from pyskl.cli.models import main, page

ROOT = Path(__file__).resolve().parents[2]


def call(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, 'argv', ['pyskl models', *words])
    main()
    return capsys.readouterr().out


def test_a_model_is_one_line_of_the_table(monkeypatch, capsys):
    lines = call(monkeypatch, capsys, '*stgcn++_ntu60_xsub_hrnet/j', '--weights').splitlines()
    assert lines[0].split() == ['model', 'data', 'parameters', 'GMACs', 'published', 'measured', 'weights']
    assert lines[1].split() == [
        'stgcn++_ntu60_xsub_hrnet/j',
        'NTU60-XSub-2D',
        '1.393',
        'M',
        '1.95',
        '89.3',
        '-',
        'PYSKL',
    ]


def test_published_accuracies_are_printed_with_their_digits(monkeypatch, capsys):
    assert ' 88.55 ' in call(monkeypatch, capsys, 'd7tod8_stgcn2cn_pyskl_ntu60_xsub_hrnet/j')
    assert ' 89.0 ' in call(monkeypatch, capsys, 'aagcn_pyskl_ntu60_xsub_3dkp/j')


def test_a_training_that_differs_from_the_config_has_a_footnote(monkeypatch, capsys):
    """The accuracies of configs/Ske2Grid/README.md: the mean of 81.5 and 85.3 for ST-GCN++."""
    lines = call(monkeypatch, capsys, 'stgcn++_nwucla/j').splitlines()
    assert lines[1].split()[-2:] == ['83.4*', '-']
    assert lines[3] == '* stgcn++_nwucla/j: 4 of 16 epochs, bf16, mean of two seeds'
    table = call(monkeypatch, capsys, 'stgcn++_nwucla/j', '--format', 'markdown')
    assert table.splitlines()[-2:] == ['', r'\* `stgcn++_nwucla/j`: 4 of 16 epochs, bf16, mean of two seeds']
    assert '*' not in call(monkeypatch, capsys, 'quickstart/d5')  # trained as the config says


def test_json_and_markdown(monkeypatch, capsys):
    (entry,) = json.loads(call(monkeypatch, capsys, 'dgstgcn/ntu60_xsub_3dkp/j', '--format', 'json'))[:1]
    assert entry['published'] == 91.2 and entry['config'] == 'configs/dgstgcn/ntu60_xsub_3dkp/j.py'
    table = call(monkeypatch, capsys, 'dgstgcn/ntu60_xsub_3dkp/j', '--format', 'markdown')
    assert table.splitlines()[2].startswith('| `dgstgcn/ntu60_xsub_3dkp/j` | NTU60-XSub-3D | 1.701 M |')


def test_a_pattern_without_matches_raises(monkeypatch, capsys):
    with pytest.raises(ValueError, match="no model with published weights matches 'infogcn'"):
        call(monkeypatch, capsys, 'infogcn', '--weights')


def test_the_page_of_the_docs_is_up_to_date():
    assert (ROOT / 'docs/models.md').read_text() == page(), 'run python benchmarks/model_index.py'
