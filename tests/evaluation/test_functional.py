import math

import numpy as np
import pytest

from pyskl.evaluation.functional import (
    confusion_matrix,
    cross_entropy,
    mean_average_precision,
    mean_class_accuracy,
    per_class_accuracy,
    top_k_accuracy,
)

SCORES = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])


def test_top_k_counts_labels_among_the_k_highest_scores():
    # Ranks of the labels: 1, 2, 3, 1.
    assert top_k_accuracy(SCORES, [1, 1, 0, 0], topk=(1, 2, 3)) == [0.5, 0.75, 1.0]


def test_top_5_of_three_classes_is_one():
    assert top_k_accuracy(SCORES, [2, 2, 2, 2], topk=(5,)) == [1.0]


def test_among_equal_scores_the_higher_class_ranks_first():
    tied = np.zeros((1, 3))
    assert [top_k_accuracy(tied, [k], (1, 2)) for k in range(3)] == [[0.0, 0.0], [0.0, 1.0], [1.0, 1.0]]


def test_infinite_scores_are_ranked():
    assert top_k_accuracy([[-np.inf, 0.0], [np.inf, 0.0]], [1, 0]) == [1.0]


def test_mean_class_accuracy_weights_classes_equally():
    scores = np.eye(2)[[0, 0, 0, 0]]  # all predicted 0
    assert mean_class_accuracy(scores, [0, 0, 0, 1]) == 0.5


def test_a_class_that_is_predicted_but_absent_counts_as_zero_like_in_pyskl():
    scores = np.eye(3)[[0, 2]]  # class 0 correct, class 1 predicted as class 2
    assert mean_class_accuracy(scores, [0, 1]) == pytest.approx(1 / 3)
    assert mean_class_accuracy(scores, [0, 1], occurring_only=True) == 0.5
    wider = np.eye(4)[[0, 2]]  # class 3 neither occurs nor is predicted
    assert mean_class_accuracy(wider, [0, 1]) == pytest.approx(1 / 3)


def test_occurring_only_changes_nothing_if_every_class_occurs():
    labels = np.arange(40) % 4
    scores = np.random.RandomState(0).rand(40, 4)
    assert mean_class_accuracy(scores, labels) == mean_class_accuracy(scores, labels, occurring_only=True)


def test_accuracy_per_class_is_recall_and_nan_without_samples():
    scores = np.eye(4)[[0, 0, 1, 3]]
    accuracies = per_class_accuracy(scores, [0, 1, 1, 1])
    assert accuracies[:2].tolist() == [1, pytest.approx(1 / 3)]
    assert np.isnan(accuracies[2:]).all()


def test_cross_entropy_of_probabilities_and_of_their_logits():
    p = np.array([[0.5, 0.5], [0.25, 0.75]])
    expected = -(math.log(0.5) + math.log(0.25)) / 2
    assert cross_entropy(p, [0, 0]) == pytest.approx(expected)
    assert cross_entropy(np.log(p) + 3, [0, 0]) == pytest.approx(expected)
    assert cross_entropy(np.eye(2), [0, 0]) < 1000  # finite for a certain but wrong prediction


def test_rows_of_the_confusion_matrix_are_labels():
    assert confusion_matrix([0, 0, 1], [0, 1, 1]).tolist() == [[1, 0], [1, 1]]


def test_the_confusion_matrix_has_the_classes_that_occur():
    assert confusion_matrix([7, 7], [7, 3]).tolist() == [[0, 1], [0, 1]]  # classes 3 and 7


def test_num_classes_gives_the_confusion_matrix_of_all_classes():
    assert confusion_matrix([2, 2], [2, 0], num_classes=3).tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 1]]
    with pytest.raises(ValueError, match='classes must be 0 to 1, got 0 to 2'):
        confusion_matrix([2], [0], num_classes=2)


@pytest.mark.parametrize(
    ('normalize', 'matrix'),
    [('true', [[1, 0], [0.5, 0.5]]), ('pred', [[0.5, 0], [0.5, 1]]), ('all', [[1 / 3, 0], [1 / 3, 1 / 3]])],
)
def test_the_confusion_matrix_is_normalised_by_labels_predictions_or_both(normalize, matrix):
    assert np.allclose(confusion_matrix([0, 0, 1], [0, 1, 1], normalize), matrix, rtol=1e-15)


def test_a_normalised_empty_column_is_zero():
    assert confusion_matrix([1], [0], 'pred').tolist() == [[0, 1], [0, 0]]


def test_average_precision_by_hand():
    # Best first: hit, miss, hit: recall 1/2 at precision 1, then 1/2 at precision 2/3.
    scores, labels = np.array([[0.9], [0.8], [0.7]]), np.array([[1], [0], [1]])
    assert mean_average_precision(scores, labels) == pytest.approx((1 + 2 / 3) / 2)


def test_tied_scores_share_one_threshold():
    assert mean_average_precision([[0.5], [0.5]], [[1], [0]]) == 0.5
    assert mean_average_precision([[0.5], [0.5]], [[0], [1]]) == 0.5


def test_classes_without_positives_are_left_out():
    scores = np.array([[0.9, 0.1], [0.1, 0.9]])
    assert mean_average_precision(scores, [[1, 0], [0, 0]]) == 1.0
    assert math.isnan(mean_average_precision(scores, np.zeros((2, 2), int)))


def test_nan_scores_raise_with_the_first_sample():
    scores = SCORES.copy()
    scores[2, 0] = np.nan
    for metric, labels in [
        (top_k_accuracy, [0, 0, 0, 0]),
        (mean_class_accuracy, [0, 0, 0, 0]),
        (mean_average_precision, np.ones((4, 3), int)),
    ]:
        with pytest.raises(ValueError, match='scores of 1 of 4 samples are NaN, the first is sample 2'):
            metric(scores, labels)


@pytest.mark.parametrize(
    ('scores', 'labels', 'message'),
    [
        (SCORES, [0, 1], '4 scores but 2 labels'),
        (SCORES, [0, 1, 2, 3], 'labels must be 0 to 2, got 3'),
        (SCORES, [0, 1, 2, -1], 'labels must be 0 to 2, got -1'),
        (SCORES, [0.0, 1.0, 2.0, 2.0], 'labels must be integers, got float64'),
        (SCORES, [[0], [1], [2], [0]], r'labels must be \(N,\)'),
        (SCORES[0], [0], r'scores must be \(N, K\)'),
        (SCORES[:0], [], 'at least one sample'),
        ([[0.1, 0.2], [0.3]], [0, 0], 'different length'),
    ],
)
def test_invalid_scores_or_labels_raise(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        top_k_accuracy(scores, labels)


def test_invalid_options_raise():
    with pytest.raises(ValueError, match='topk must be at least 1'):
        top_k_accuracy(SCORES, [0, 0, 0, 0], (0,))
    with pytest.raises(ValueError, match="normalize must be None, 'true', 'pred' or 'all', got 'rows'"):
        confusion_matrix([0], [0], 'rows')
    with pytest.raises(ValueError, match='1 predictions but 2 labels'):
        confusion_matrix([0], [0, 1])
    with pytest.raises(ValueError, match='0 or 1'):
        mean_average_precision([[0.5]], [[2]])
