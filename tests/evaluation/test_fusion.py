import numpy as np
import pytest

from pyskl.evaluation.fusion import (
    Predictions,
    align,
    are_probabilities,
    check_apart,
    comparable,
    fuse,
    measure,
    search_weights,
    softmax,
)


def file(source, names, labels, scores):
    return Predictions(
        source, None if names is None else tuple(names), np.array(labels), np.array(scores, dtype=np.float64)
    )


A = file('A.pkl', 'xyz', [0, 1, 2], [[1, 0, 0], [2, 0, 0], [3, 0, 0]])


def test_clips_are_sorted_in_the_order_of_the_first_file():
    other = file('B.pkl', 'zxy', [2, 0, 1], [[7, 0, 0], [5, 0, 0], [6, 0, 0]])
    first, second = align([A, other])
    assert first is A
    assert second.names == A.names
    assert second.labels.tolist() == [0, 1, 2]
    assert second.scores[:, 0].tolist() == [5, 6, 7]


def test_files_without_names_keep_their_order():
    assert align([A, file('B.pkl', None, [0, 1, 2], A.scores)])[1].scores.tolist() == A.scores.tolist()


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (file('B.pkl', 'xyw', [0, 1, 2], A.scores), "B.pkl has no clip 'z', which A.pkl has"),
        (file('B.pkl', 'xyzw', [0, 1, 2, 0], np.eye(4, 3)), "A.pkl has no clip 'w', which B.pkl has"),
        (file('B.pkl', 'xyx', [0, 1, 0], A.scores), "B.pkl: clip 'x' occurs twice, as number 0 and 2"),
        (file('B.pkl', 'xyz', [0, 2, 1], A.scores), "clip 'y' has class 1 in A.pkl, but 2 in B.pkl"),
        (file('B.pkl', None, [0, 2, 1], A.scores), "clip 'y' has class 1 in A.pkl, but 2 in B.pkl"),
        (file('B.pkl', None, [0, 1], A.scores[:2]), 'A.pkl has 3 clips, but B.pkl has 2; they must'),
        (file('B.pkl', 'xyz', [0, 1, 2], np.eye(3, 4)), 'A.pkl has 3 classes, but B.pkl has 4'),
    ],
)
def test_files_with_different_clips_raise_with_the_first_difference(other, message):
    with pytest.raises(ValueError, match=message):
        align([A, other])


def test_fusion_is_the_weighted_sum():
    scores = [np.array([[1.0, 2]]), np.array([[10.0, 30]])]
    assert fuse(scores).tolist() == [[11, 32]]
    assert fuse(scores, [2, 0.5]).tolist() == [[7, 19]]


@pytest.mark.parametrize(
    ('weights', 'message'),
    [([1], '1 weights for 2 files'), ([0, 0], 'not all zero'), ([1, float('nan')], 'must be finite')],
)
def test_invalid_weights_raise(weights, message):
    with pytest.raises(ValueError, match=message):
        fuse([A.scores, A.scores], weights)


def test_accuracies_of_four_clips():
    scores = np.array([[0.6, 0.4, 0], [0.9, 0.1, 0], [0.2, 0.8, 0], [0.5, 0.3, 0.2]])
    # Class 0: 2 of 2 correct; class 1: 1 of 1; class 2: 0 of 1. Top-5 needs more than five classes.
    assert measure(scores, np.array([0, 0, 1, 2])) == {'top1': 0.75, 'mean_class': pytest.approx(2 / 3)}


def test_top_5_needs_more_than_five_classes():
    assert 'top5' not in measure(np.eye(5), np.arange(5))
    assert measure(np.eye(6), np.arange(6))['top5'] == 1


def test_softmax_of_logarithms_is_the_numbers_and_does_not_overflow():
    assert softmax(np.log([[1.0, 3], [2, 2]]) + 1000).tolist() == [
        [pytest.approx(0.25), pytest.approx(0.75)],
        [0.5] * 2,
    ]


def test_adding_logits_to_probabilities_raises():
    probabilities = file('P.pkl', 'xyz', [0, 1, 2], np.eye(3))
    assert are_probabilities(probabilities.scores)
    assert not are_probabilities(A.scores)
    with pytest.raises(ValueError, match='P.pkl contains probabilities, but A.pkl does not; --softmax'):
        comparable([A, probabilities])
    ours, theirs = comparable([A, probabilities], to_probabilities=True)
    assert ours.sum(1) == pytest.approx(1)
    assert theirs is probabilities.scores  # not twice


def test_the_weight_search_finds_the_correct_network():
    labels = np.array([0, 1, 0, 1])
    right, wrong = np.eye(2)[labels], 2 * np.eye(2)[1 - labels]
    weights = search_weights([right, wrong], labels)
    assert fuse([right, wrong], weights).argmax(1).tolist() == labels.tolist()
    assert search_weights([right, right], labels).tolist() == [1, 1]  # nothing to gain


def test_searching_weights_on_the_reported_clips_raises():
    with pytest.raises(ValueError, match="share 1 clips, the first is 'z'"):
        check_apart(file('S.pkl', 'zw', [0, 1], np.eye(2)), A)
    with pytest.raises(ValueError, match='S.pkl has no clip names'):
        check_apart(file('S.pkl', None, [0, 1], np.eye(2)), A)
    assert check_apart(file('S.pkl', 'vw', [0, 1], np.eye(2)), A) is None
