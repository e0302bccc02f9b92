import numpy as np

from pyskl.inference.windows import PersonBuffer, near_pairs, resample


def line(times):
    """A joint at x = 10 t, always seen."""
    times = np.array(times, float)
    return times, (10 * times).reshape(-1, 1, 1), np.ones((len(times), 1))


def test_times_of_observations_give_the_observations():
    keypoint, score = resample(*line([0, 0.1, 0.2]), np.array([0, 0.1, 0.2]), 0.5)
    assert keypoint.ravel().tolist() == [0, 1, 2] and score.ravel().tolist() == [1, 1, 1]


def test_between_them_lies_the_straight_line_but_not_over_a_long_gap():
    keypoint, score = resample(*line([0, 1, 3]), np.array([0.25, 2.0, 3.0]), 1.0)
    assert keypoint.ravel().tolist() == [2.5, 0, 30]
    assert score.ravel().tolist() == [1, 0, 1]


def test_outside_nothing_is_seen():
    _, score = resample(*line([0, 1]), np.array([-0.1, 1.1]), 9)
    assert score.ravel().tolist() == [0, 0]


def test_a_joint_that_one_neighbour_saw_is_taken_if_that_is_the_nearer():
    times, keypoint, score = line([0, 1])
    score[1] = 0
    place, rated = resample(times, keypoint + 5, score, np.array([0.2, 0.8]), 9)
    assert place.ravel().tolist() == [5, 0] and rated.ravel().tolist() == [1, 0]


def test_a_buffer_drops_what_is_older_than_its_span():
    buffer = PersonBuffer(0.0, 1.0)
    for t in range(100):
        buffer.add(t / 10, np.zeros((1, 2)), np.ones(1))
    assert len(buffer) == 11 and buffer.first == 0 and buffer.last == 9.9


def test_the_nearest_are_paired_first_and_nobody_twice():
    def at(x):  # 100 pixels high
        return np.array([[[x, 0.0], [x, 100.0]]])

    seen = [np.ones((1, 2))] * 4
    assert near_pairs([at(0), at(60), at(100), at(900)], seen, 0.8) == [(1, 2)]
    assert near_pairs([at(0), at(60), at(900), at(930)], seen, 0.8) == [(2, 3), (0, 1)]
    assert near_pairs([at(0), at(60)], [np.ones((1, 2)), np.zeros((1, 2))], 0.8) == []
