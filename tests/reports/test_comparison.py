import numpy as np
import pytest

from pyskl.reports.comparison import compare


def scores(predicted):
    return np.eye(2)[predicted]


def test_mcnemar_by_hand():
    # A alone right on 1 clip, B alone on 9: twice the tail of a fair coin, 2 * (1 + 10) / 2**10.
    labels = [0] * 10
    found = compare(scores([0] + [1] * 9), scores([1] + [0] * 9), labels)
    assert (found.clips, found.both, found.only_a, found.only_b) == (10, 0, 1, 9)
    assert found.p_value == pytest.approx(22 / 1024)
    assert found.verdict.startswith('the second is better')


def test_equal_networks_do_not_differ():
    found = compare(scores([0, 1]), scores([0, 1]), [0, 0])
    assert (found.p_value, found.classes) == (1.0, ())
    assert 'no significant difference on these 2 clips' in found.verdict


def test_classes_are_ordered_by_how_much_they_differ():
    labels = [0, 0, 0, 0, 1, 1]
    found = compare(scores([0, 0, 0, 1, 1, 1]), scores([0, 0, 1, 1, 0, 0]), labels)
    assert found.classes == ((1, 2, 2, 0), (0, 4, 3, 2))


def test_other_clips_are_refused():
    with pytest.raises(ValueError, match='2 and 1 scores for 2 clips'):
        compare(scores([0, 1]), scores([0]), [0, 1])
