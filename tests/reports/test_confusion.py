import numpy as np
import pytest

from pyskl.reports.confusion import class_rows, confused_pairs, confusion_counts, similar_order, wilson_interval

# Three classes; class 2 is taken for class 0 twice.
SCORES = np.eye(3)[[0, 0, 1, 1, 0, 0, 2]]
LABELS = [0, 0, 1, 1, 2, 2, 2]


def test_counts_are_label_by_prediction():
    assert confusion_counts(SCORES, LABELS).tolist() == [[2, 0, 0], [0, 2, 0], [2, 0, 1]]


def test_among_equal_scores_the_higher_class_is_predicted_as_in_the_metrics():
    assert confusion_counts(np.ones((1, 3)), [0]).tolist()[0] == [0, 0, 1]


def test_the_wilson_interval_of_published_examples():
    # 81 of 263: 0.255289, 0.366220 (Newcombe, Statistics in Medicine 17, 1998, table I, method 3)
    low, high = wilson_interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    low, high = wilson_interval(0, 20)
    assert (low, round(high, 4)) == (0.0, 0.1611)
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_class_rows_have_accuracy_and_the_most_frequent_wrong_prediction():
    rows = class_rows(confusion_counts(SCORES, LABELS))
    assert [(row.label, row.clips, row.hits, row.rival) for row in rows] == [
        (0, 2, 2, None),
        (1, 2, 2, None),
        (2, 3, 1, 0),
    ]
    assert rows[2].accuracy == pytest.approx(1 / 3) and rows[2].low < 1 / 3 < rows[2].high


def test_confused_pairs_are_sorted_by_their_share_of_the_class():
    counts = np.array([[5, 5, 0], [1, 99, 0], [0, 3, 1]])
    assert [(pair.label, pair.predicted, pair.count) for pair in confused_pairs(counts)] == [
        (2, 1, 3),
        (0, 1, 5),
        (1, 0, 1),
    ]
    assert len(confused_pairs(counts, 2)) == 2


def test_similar_classes_are_adjacent():
    counts = np.array([[5, 0, 5, 0], [0, 5, 0, 5], [5, 0, 5, 0], [0, 5, 0, 5]])
    order = similar_order(counts)
    assert sorted(order) == [0, 1, 2, 3]
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset({0, 2}), frozenset({1, 3})}
