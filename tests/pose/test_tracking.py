"""Persons linked over time. A person here is a cross of five joints, 40 wide and 100 high."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.pose.tracking import Tracker, boxes, choose, fill_gaps, joint_similarity, link, overlaps, track_persons

CROSS = np.array([[0, -50], [0, 50], [0, 0], [-20, 0], [20, 0]], np.float32)


def clip(*persons):
    """Detections of persons given as ``{frame: (x, y)}``; scores 0.9 of the first, 0.8 of the second, ..."""
    detections = [
        (t, CROSS + position, 0.9 - 0.1 * m) for m, person in enumerate(persons) for t, position in person.items()
    ]
    frame, keypoint, score = zip(*detections, strict=True)
    return np.array(frame), np.array(keypoint), np.repeat(np.array(score, np.float32)[:, None], len(CROSS), 1)


def centers(keypoint):
    """The x of joint 2 of each person in each frame."""
    return keypoint[:, :, 2, 0].tolist()


def test_crossing_persons_keep_their_tracks():
    right = {t: (100 + 10 * t, 200) for t in range(21)}  # 100 to 300
    left = {t: (305 - 10 * t, 200) for t in range(21)}  # both are at the same place at t = 10
    keypoint, score = track_persons(*clip(right, left), 21)
    assert centers(keypoint) == [[100 + 10 * t for t in range(21)], [305 - 10 * t for t in range(21)]]
    np.testing.assert_allclose(score[:, :, 0], np.repeat([[0.9], [0.8]], 21, 1))


def test_a_person_hidden_while_crossing_keeps_its_track():
    front = {t: (100 + 10 * t, 200) for t in range(21)}
    behind = {t: (305 - 10 * t, 200) for t in range(21) if not 8 <= t <= 12}
    keypoint, score = track_persons(*clip(front, behind), 21)
    assert centers(keypoint) == [[100 + 10 * t for t in range(21)], [305 - 10 * t for t in range(21)]]
    assert np.flatnonzero(score[1, :, 0] == 0).tolist() == [8, 9, 10, 11, 12]


def test_a_gap_of_three_frames_is_interpolated_with_score_0():
    keypoint, score = track_persons(*clip({0: (0, 0), 1: (0, 0), 5: (8, 4), 6: (8, 4), 7: (8, 4)}), 9)
    assert centers(keypoint) == [[0, 0, 2, 4, 6, 8, 8, 8, 0]]
    assert keypoint[0, 2:5, 2, 1].tolist() == [1, 2, 3]
    assert (score[0, :, 0] > 0).tolist() == [True, True, False, False, False, True, True, True, False]


def test_a_gap_longer_than_max_gap_ends_a_track():
    person = dict.fromkeys((*range(6), *range(17, 24)), (50, 50))  # 11 frames between
    keypoint, score = track_persons(*clip(person), 24, max_gap=10)
    assert (score[:, :, 0] > 0).tolist() == [[t >= 17 for t in range(24)], [t < 6 for t in range(24)]]
    assert not keypoint[score == 0].any()
    keypoint, score = track_persons(*clip(person), 24, max_gap=11)
    assert centers(keypoint) == [[50] * 24]


def test_a_missing_joint_is_interpolated_like_a_missing_person():
    frame, keypoint, score = clip({t: (10 * t, 0) for t in range(6)})
    keypoint[2:4, 4], score[2:4, 4] = 0, 0  # OpenPose writes 0, 0, 0
    keypoint[5, 0], score[5, 0] = 0, 0
    keypoint, out = track_persons(frame, keypoint, score, 6)
    assert keypoint[0, :, 4, 0].tolist() == [20, 30, 40, 50, 60, 70]
    assert (out[0, :, 4] == 0).tolist() == [False, False, True, True, False, False]
    assert keypoint[0, 5, 0].tolist() == [0, 0]


def test_tracks_are_sorted_by_length_times_score():
    short = dict.fromkeys(range(8), (100, 100))  # 8 x 0.9
    long = dict.fromkeys(range(20), (400, 100))  # 20 x 0.8
    medium = dict.fromkeys(range(10), (700, 100))  # 10 x 0.7 = 7.0
    keypoint, _ = track_persons(*clip(short, long, medium), 20)
    assert [person[0] for person in centers(keypoint)] == [400, 100]
    assert len(track_persons(*clip(short, long, medium), 20, max_persons=5)[0]) == 3
    assert len(track_persons(*clip(short, long, medium), 20, max_persons=5, min_length=9)[0]) == 2


def test_choose_groups_detections_by_track_in_one_pass():
    groups = choose(np.ones((6, 2)), np.array([5, -1, 3, 5, 3, 5]), 9, 1)
    assert [members.tolist() for members in groups] == [[0, 3, 5], [2, 4]]
    assert (
        len(choose(np.ones((1_000_000, 1)), np.arange(1_000_000), 2, 1)) == 2
    )  # sorted once, not searched once a track


def test_min_length_is_limited_by_the_length_of_the_clip():
    assert len(track_persons(*clip({0: (5, 5), 1: (5, 5)}), 2)[0]) == 1
    assert len(track_persons(*clip({0: (5, 5), 1: (5, 5)}), 6)[0]) == 0


def test_the_order_of_detections_does_not_matter():
    random = np.random.RandomState(0)
    walks = [{t: random.randint(0, 400, 2) / 10 + (60 * m, 10 * t) for t in range(30)} for m in range(4)]
    detections = clip(*walks)
    expected = track_persons(*detections, 30, max_persons=4)
    for _ in range(5):
        order = random.permutation(len(detections[0]))
        shuffled = track_persons(*(x[order] for x in detections), 30, max_persons=4)
        for one, other in zip(shuffled, expected, strict=True):
            np.testing.assert_array_equal(one, other)


def test_given_track_ids_are_used_if_valid():
    detections = clip({t: (10 * t, 0) for t in range(6)}, {t: (90 - 10 * t, 500) for t in range(6)})
    jumps = np.array([0, 0, 0, 7, 7, 7, 7, 7, 7, 0, 0, 0])  # the ids swap at frame 3
    keypoint, _ = track_persons(*detections, 6, track=jumps)
    assert sorted(centers(keypoint)) == [[0, 10, 20, 60, 50, 40], [90, 80, 70, 30, 40, 50]]
    own = track_persons(*detections, 6)[0]
    for useless in (np.zeros(12, int), np.array([-1, *jumps[1:]])):  # all 0: not tracked; -1: unknown
        np.testing.assert_array_equal(track_persons(*detections, 6, track=useless)[0], own)


def test_a_clip_without_persons_gives_empty_arrays():
    keypoint, score = track_persons(np.empty(0, int), np.empty((0, 5, 2)), np.empty((0, 5)), 4)
    assert keypoint.shape == (0, 4, 5, 2) and score.shape == (0, 4, 5)


def test_only_the_64_best_detections_of_a_frame_are_linked():
    places = [{0: (100 * m, 0), 1: (100 * m, 0)} for m in range(70)]
    frame, keypoint, score = clip(*places)
    order = np.lexsort((-score[:, 0], frame))
    track = link(frame[order], keypoint[order], np.maximum(score[order], 0.01), 10)
    assert (track[:64] == track[70:134]).all() and (track[64:70] == -1).all()


def test_joint_similarity_overlaps_and_boxes_by_hand():
    box, scale = boxes(np.array([[[0, 0], [40, 90], [7, 7]]], float), np.array([[True, True, False]]))
    assert box.tolist() == [[0, 0, 40, 90]] and scale.tolist() == [60]  # root of 40 x 90
    assert boxes(np.zeros((1, 3, 2)), np.ones((1, 3), bool))[1].tolist() == [1]
    assert boxes(np.array([[[5.0, 0], [5, 80]]]), np.ones((1, 2), bool))[1].tolist() == [40]  # 80 / 4 x 80
    assert overlaps(np.array([[0, 0, 2, 2.0]]), np.array([[1, 1, 3, 3.0], [5, 5, 6, 6]])).tolist() == [[1 / 7, 0]]
    a, b = np.zeros((1, 2, 2)), np.array([[[0.0, 0], [0, 12]]])
    similarity = joint_similarity(
        a, np.ones((1, 2)), b, np.array([[1, 1.0]]), np.array([60])
    )  # 12 is one width of the Gaussian
    assert similarity[0, 0] == pytest.approx((1 + np.exp(-0.5)) / 2)


def test_fill_gaps_by_hand():
    x = np.array([0, 5, 0, 0, 11, 0, 0, 0, 0, 1.0]).reshape(10, 1, 1)
    assert fill_gaps(x, x[..., 0] > 0, 2).ravel().tolist() == [0, 5, 7, 9, 11, 0, 0, 0, 0, 1]
    assert fill_gaps(x, x[..., 0] > 0, 4).ravel().tolist() == [0, 5, 7, 9, 11, 9, 7, 5, 3, 1]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 40), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_every_detection_has_one_track_and_every_track_at_most_one_detection_per_frame(count, joints, seed):
    random = np.random.RandomState(seed)
    frame = np.sort(random.randint(0, 12, count))
    keypoint = random.choice([0, 1e6, -1e6, 5, 6, 7.5], (count, joints, 2)).astype(np.float32)
    score = random.choice([0, 0.5, 1], (count, joints)).astype(np.float32)
    track = link(frame, keypoint, score, 3)
    assert (track >= 0).all() and len(set(zip(frame, track, strict=True))) == count
    out, out_score = track_persons(frame, keypoint, score, 12, max_persons=3)
    assert np.isfinite(out).all() and len(out) <= 3 and set(np.unique(out_score)) <= {0, 0.5, 1}


def test_a_stream_is_linked_like_the_whole_clip():
    right = {t: (100 + 10 * t, 200) for t in range(21)}
    left = {t: (305 - 10 * t, 200) for t in range(21) if t != 9}
    frame, keypoint, score = clip(right, left)
    order = np.argsort(frame, kind='stable')
    frame, keypoint, score = frame[order], keypoint[order], score[order]
    tracker = Tracker(max_age=4)
    tracks = [tracker.update(t, keypoint[frame == t], score[frame == t]).tolist() for t in range(21)]
    assert sum(tracks, []) == link(frame, keypoint, score, 3).tolist()
    assert len(tracks[9]) == 1 and set(sum(tracks, [])) == {0, 1}


def test_tracks_end_after_max_age_and_their_numbers_are_not_reused():
    tracker = Tracker(max_age=0.5)
    person = CROSS[None], np.ones((1, 5))
    nobody = np.zeros((0, 5, 2)), np.zeros((0, 5))
    assert tracker.update(0.0, *person).tolist() == [0]
    assert tracker.update(0.5, *person).tolist() == [0]
    tracker.update(1.1, *nobody)
    assert tracker.number.tolist() == []
    assert tracker.update(1.2, *person).tolist() == [1]
