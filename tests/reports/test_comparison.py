import numpy as np
import pytest

from pyskl.reports.comparison import compare


def scores(predicted):
    return np.eye(2)[predicted]


def test_mcnemar_by_hand():
    # Only A is correct on 1 clip, only B on 9: twice the tail of a fair coin, 2 * (1 + 10) / 2**10.
    labels = [0] * 10
    comparison = compare(scores([0] + [1] * 9), scores([1] + [0] * 9), labels)
    assert (comparison.clips, comparison.both, comparison.only_a, comparison.only_b) == (10, 0, 1, 9)
    assert comparison.p_value == pytest.approx(22 / 1024)
    assert comparison.verdict('d5', 'd6') == 'd6 is better (p = 0.021)'


def test_equal_predictions_have_a_p_value_of_one():
    comparison = compare(scores([0, 1]), scores([0, 1]), [0, 0])
    assert (comparison.p_value, comparison.classes) == (1.0, ())
    assert 'no significant difference on these 2 clips' in comparison.verdict('d5', 'd6')


def test_classes_are_sorted_by_their_difference():
    labels = [0, 0, 0, 0, 1, 1]
    comparison = compare(scores([0, 0, 0, 1, 1, 1]), scores([0, 0, 1, 1, 0, 0]), labels)
    assert comparison.classes == ((1, 2, 2, 0), (0, 4, 3, 2))


def test_different_numbers_of_clips_raise():
    with pytest.raises(ValueError, match='2 and 1 scores for 2 clips'):
        compare(scores([0, 1]), scores([0]), [0, 1])
