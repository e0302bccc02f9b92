import numpy as np
import pytest

from pyskl.converters.ntu_denoise import Thresholds, choose_actors, motion, noisy_frames
from pyskl.converters.ntu_skeleton import Body


def body(number, start, frames, height=1.0, width=0.5, step=0.0):
    """Two joints, ``width`` apart in x and ``height`` in y, moving by ``step`` in z per frame; z starts at the id."""
    joints = np.zeros((frames, 2, 3), np.float32)
    joints[:, 1] = width, height, 0
    joints[..., 2] = number + np.arange(frames)[:, None] * step
    return Body(number, start, joints)


def ids(keypoint):
    """The body of each actor and frame, 0 if there is none: without motion, z is the id."""
    return keypoint[:, :, 0, 2].astype(int).tolist()


def test_motion_is_the_summed_variance():
    joints = np.array([[[0, 0, 0], [2, 4, 0]]], np.float32)  # variances 1, 4, 0
    assert motion(joints) == 5


def test_a_frame_is_noisy_when_wider_than_four_fifths_of_its_height():
    joints = np.zeros((3, 2, 3), np.float32)
    joints[:, 1, 1] = 4
    joints[:, 1, 0] = 3, 3.25, 0
    assert noisy_frames(joints, 0.8).tolist() == [False, True, False]


def test_a_single_body_is_unchanged():
    keypoint = choose_actors([body(3, 0, 2, width=9)], 2)
    assert keypoint.shape == (1, 2, 2, 3) and ids(keypoint) == [[3, 3]]


def test_bodies_of_11_frames_are_dropped_but_not_of_12():
    keypoint = choose_actors([body(1, 0, 12), body(2, 0, 11)], 12)
    assert ids(keypoint) == [[1] * 12]
    assert ids(choose_actors([body(1, 0, 12), body(2, 0, 12)], 12)) == [[1] * 12, [2] * 12]
    assert len(choose_actors([body(1, 0, 12), body(2, 0, 11)], 12, Thresholds(length=10))) == 2


def test_wide_bodies_are_dropped_but_never_the_last():
    wide, slim = body(1, 0, 12, width=2), body(2, 0, 12)
    assert ids(choose_actors([wide, slim], 12)) == [[2] * 12]
    assert ids(choose_actors([wide, body(2, 0, 12, width=2)], 12)) == [[2] * 12]  # in order: 1 is dropped, 2 remains
    assert len(choose_actors([wide, slim], 12, Thresholds(spread=3))) == 2


def test_some_noisy_frames_count_against_motion_only():
    jumpy = body(1, 0, 12)
    jumpy.joints[:4, :, 0] *= 100  # 4 of 12 are noisy, and move a lot
    calm = body(2, 0, 12, step=0.05)
    assert motion(jumpy.joints) > motion(calm.joints) > motion(jumpy.joints[4:])
    first, second = choose_actors([jumpy, calm], 12)
    np.testing.assert_array_equal(first, calm.joints)
    np.testing.assert_array_equal(second, jumpy.joints)


def test_the_first_actor_moves_most():
    still, moving = body(1, 0, 12), body(2, 0, 12, step=0.1)
    np.testing.assert_array_equal(choose_actors([still, moving], 12)[0], moving.joints)


def test_motion_bounds_apply_only_if_set():
    still, moving = body(1, 0, 12), body(2, 0, 12, step=1)
    assert len(choose_actors([still, moving], 12)) == 2
    bounds = Thresholds(motion_low=0.089925, motion_high=2)
    assert motion(still.joints) == pytest.approx(0.3125) and motion(moving.joints) > 2
    assert ids(choose_actors([still, moving], 12, bounds)) == [[1] * 12]


def test_bodies_that_do_not_overlap_are_one_actor():
    keypoint = choose_actors([body(1, 0, 12, step=0.01), body(2, 12, 12)], 24)
    assert len(keypoint) == 1
    assert ids(keypoint) == [[1] * 12 + [2] * 12]


def test_a_shared_frame_is_allowed_and_the_later_body_has_it():
    keypoint = choose_actors([body(1, 0, 12, step=0.01), body(2, 11, 12)], 23)
    assert ids(keypoint) == [[1] * 11 + [2] * 12]


def test_a_third_body_that_overlaps_both_actors_is_dropped():
    bodies = [body(1, 0, 12, step=0.02), body(2, 0, 12, step=0.01), body(3, 0, 12)]
    assert ids(choose_actors(bodies, 12)) == [[1] * 12, [2] * 12]


def test_frames_of_dropped_bodies_are_removed():
    keypoint = choose_actors([body(1, 3, 12), body(2, 0, 5)], 15)
    assert ids(keypoint) == [[1] * 12]


def test_no_body_raises_with_a_reason():
    with pytest.raises(ValueError, match='no frame has a body'):
        choose_actors([], 0)
    with pytest.raises(ValueError, match='none of 2 bodies is longer than 11 frames'):
        choose_actors([body(1, 0, 3), body(2, 0, 11)], 11)


def test_consecutive_bodies_form_one_actor_and_published_arrays_have_an_empty_second():
    bodies = [body(1, 0, 12), body(2, 12, 12)]
    assert ids(choose_actors(bodies, 24)) == [[1] * 12 + [2] * 12]
    assert ids(choose_actors(bodies, 24, keep_empty=True)) == [[1] * 12 + [2] * 12, [0] * 24]
    for alone in ([body(1, 0, 12)], [body(1, 0, 12), body(2, 0, 3)], [body(1, 0, 12), body(2, 0, 12, width=2)]):
        assert len(choose_actors(alone, 12, keep_empty=True)) == 1
