import numpy as np

from pyskl.inference.windows import PersonBuffer, near_pairs, resample


def line(times):
    """A joint at ``x = 10 t`` with score 1."""
    times = np.array(times, float)
    return times, (10 * times).reshape(-1, 1, 1), np.ones((len(times), 1))


def test_resampling_at_the_observed_times_returns_the_observations():
    keypoint, score = resample(*line([0, 0.1, 0.2]), np.array([0, 0.1, 0.2]), 0.5)
    assert keypoint.ravel().tolist() == [0, 1, 2] and score.ravel().tolist() == [1, 1, 1]


def test_positions_are_interpolated_linearly_except_over_long_gaps():
    keypoint, score = resample(*line([0, 1, 3]), np.array([0.25, 2.0, 3.0]), 1.0)
    assert keypoint.ravel().tolist() == [2.5, 0, 30]
    assert score.ravel().tolist() == [1, 0, 1]


def test_times_outside_the_observations_have_zero_score():
    _, score = resample(*line([0, 1]), np.array([-0.1, 1.1]), 9)
    assert score.ravel().tolist() == [0, 0]


def test_a_joint_seen_in_one_neighbouring_frame_is_used_if_that_frame_is_nearer():
    times, keypoint, score = line([0, 1])
    score[1] = 0
    position, resampled_score = resample(times, keypoint + 5, score, np.array([0.2, 0.8]), 9)
    assert position.ravel().tolist() == [5, 0] and resampled_score.ravel().tolist() == [1, 0]


def test_a_buffer_drops_frames_older_than_its_span():
    buffer = PersonBuffer(0.0, 1.0)
    for t in range(100):
        buffer.add(t / 10, np.zeros((1, 2)), np.ones(1))
    assert len(buffer) == 11 and buffer.first == 0 and buffer.last == 9.9


def test_nearest_persons_are_paired_first_and_each_at_most_once():
    def at(x):  # 100 pixels high
        return np.array([[[x, 0.0], [x, 100.0]]])

    seen = [np.ones((1, 2))] * 4
    assert near_pairs([at(0), at(60), at(100), at(900)], seen, 0.8) == [(1, 2)]
    assert near_pairs([at(0), at(60), at(900), at(930)], seen, 0.8) == [(2, 3), (0, 1)]
    assert near_pairs([at(0), at(60)], [np.ones((1, 2)), np.zeros((1, 2))], 0.8) == []
