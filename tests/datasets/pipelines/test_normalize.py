"""Normalisation in 2D and 3D: numbers that can be checked by hand, and the published steps one by one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.datasets.pipelines.normalize import PreNormalize2D, PreNormalize3D, filled_frames, turn


def flat(points, scores=None, dtype=np.float32, **fields):
    """One person, one frame of 2D joints."""
    results = {'keypoint': np.array(points, dtype)[None, None], 'frame_dir': 'clip', **fields}
    if scores is not None:
        results['keypoint_score'] = np.array(scores, dtype)[None, None]
    return results


def test_the_corners_of_the_image_become_plus_and_minus_one():
    results = flat([[0, 0], [640, 480], [320, 240], [0, 480]], [1, 1, 1, 1], img_shape=(480, 640))
    out = PreNormalize2D()(results)
    assert out['keypoint'][0, 0].tolist() == [[-1, -1, 1], [1, 1, 1], [0, 0, 1], [-1, 1, 1]]
    assert out['coord_dims'] == 2 and 'keypoint_score' not in out


def test_a_record_without_img_shape_uses_the_configs():
    out = PreNormalize2D(img_shape=(100, 200))(flat([[200, 100]], [1]))
    assert out['keypoint'].ravel().tolist() == [1, 1, 1]


def test_joints_up_to_the_threshold_go_to_zero_and_keep_their_score():
    out = PreNormalize2D(img_shape=(2, 2), threshold=0.5)(flat([[2, 2], [2, 2], [2, 2]], [0.5, 0.51, 0]))
    assert out['keypoint'][0, 0, :, :2].tolist() == [[0, 0], [1, 1], [0, 0]]
    assert np.allclose(out['keypoint'][0, 0, :, 2], [0.5, 0.51, 0])


def test_without_a_threshold_nothing_is_masked_and_the_score_is_separate():
    out = PreNormalize2D(threshold=None)(flat([[0, 0], [1920, 1080]], [0, 1], np.float16))
    assert out['keypoint'].tolist() == [[[[-1, -1], [1, 1]]]]
    assert out['keypoint'].dtype == np.float16
    assert out['keypoint_score'].tolist() == [[[0, 1]]]


@pytest.mark.parametrize('img_shape', [(1080, 1920), (479, 853)])
def test_without_a_threshold_arithmetic_is_that_of_float16(img_shape):
    keypoint = (np.random.RandomState(0).rand(2, 50, 17, 2) * img_shape[::-1]).astype(np.float16)
    keypoint.flags.writeable = False
    expected = keypoint.copy()  # NumPy, step by step, each rounded to float16
    for channel, size in ((0, img_shape[1]), (1, img_shape[0])):
        expected[..., channel] = (expected[..., channel] - np.float16(size / 2)) / np.float16(size / 2)
    out = PreNormalize2D(threshold=None)({'keypoint': keypoint, 'img_shape': img_shape})
    assert np.array_equal(out['keypoint'], expected)


def test_mode_auto_scales_the_box_of_the_joints_that_were_seen():
    points = [[100, 200], [300, 220], [200, 210], [9999, 9999]]
    out = PreNormalize2D(mode='auto')(flat(points, [1, 1, 1, 0]))
    assert out['keypoint'][0, 0, :, :2].tolist() == [[-1, -1], [1, 1], [0, 0], [0, 0]]


def test_mode_auto_does_not_change_coordinates_below_one():
    points = [[0.1, 0.2], [0.9, 0.5]]
    out = PreNormalize2D(mode='auto')(flat(points, [1, 1]))
    assert np.allclose(out['keypoint'][0, 0, :, :2], points)


def test_a_score_may_be_the_third_channel_already():
    out = PreNormalize2D(img_shape=(2, 2))(flat([[2, 2, 0.9], [2, 2, 0.0]]))
    assert np.allclose(out['keypoint'][0, 0], [[1, 1, 0.9], [0, 0, 0]])


def test_data_of_the_wrong_dimension_raise():
    deep = {'keypoint': np.full((1, 1, 25, 3), -0.5), 'frame_dir': 'S001'}
    with pytest.raises(ValueError, match=r"sample 'S001' has keypoint \(1, 1, 25, 3\).*use PreNormalize3D for 3D data"):
        PreNormalize2D()(deep)
    shallow = {'keypoint': np.ones((1, 1, 17, 2)), 'keypoint_score': np.ones((1, 1, 17)), 'frame_dir': 'S002'}
    with pytest.raises(ValueError, match=r"sample 'S002' has keypoint \(1, 1, 17, 2\) and .* use PreNormalize2D"):
        PreNormalize3D()(shallow)


def test_invalid_arguments_raise():
    with pytest.raises(ValueError, match="mode must be 'fix' or 'auto', got 'fit'"):
        PreNormalize2D(mode='fit')
    with pytest.raises(ValueError, match="threshold must be a number or None, got 'no'"):
        PreNormalize2D(threshold='no')
    with pytest.raises(ValueError, match="zaxis must be two joints, got None; skeleton 'coco' defines none"):
        PreNormalize3D(dataset='coco')
    with pytest.raises(ValueError, match='needs 20 joints, but sample'):
        PreNormalize3D(dataset='nw-ucla')({'keypoint': np.ones((1, 1, 25, 3))})
    with pytest.raises(ValueError, match='needs 9 joints, but sample'):
        PreNormalize3D()({'keypoint': np.ones((1, 1, 5, 3))})


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=3), st.integers(0, 2))
def test_rotating_maps_a_vector_onto_the_axis(vector, onto):
    rotation = turn(vector, onto)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
    assert math.isclose(np.linalg.det(rotation), 1, abs_tol=1e-6)
    aside = [value for axis, value in enumerate(vector) if axis != onto]
    if sum(map(abs, aside)) > 1e-3:
        assert np.allclose(rotation @ vector, np.linalg.norm(vector) * np.eye(3)[onto], atol=1e-5)


def test_a_vector_parallel_to_the_axis_is_not_rotated():
    for vector in ([0, 0, 2], [0, 0, -2], [0, 0, 0]):
        assert np.array_equal(turn(vector, 2), np.eye(3))


def rodrigues(vector, axis):
    """The published formula, step by step."""
    norm, cross = np.linalg.norm(vector), np.cross(vector, axis)
    if np.abs(vector).sum() < 1e-6 or np.abs(cross).sum() < 1e-6:
        return np.eye(3)
    angle = np.arccos(np.clip(vector @ axis / norm, -1, 1))
    x, y, z = cross / np.linalg.norm(cross)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew


def step_by_step(keypoint, align_spine=True, align_center=True):
    """Frame by frame and joint by joint, in float64: sort persons, drop frames, centre, rotate."""
    x = keypoint.astype(np.float64)
    valid = np.array([[bool((np.abs(frame) > 1e-8).any()) for frame in person] for person in x])
    order = np.argsort(-valid.sum(1), kind='stable')
    x, valid = x[order], valid[order]
    x = x[:, valid[0]]
    if align_center:
        center = x[0, 0, 1 if x.shape[2] == 25 else -1].copy()
        for person in x:
            for frame in person:
                for joint in frame:
                    if joint.any():
                        joint -= center
    if align_spine:
        upright = rodrigues(x[0, 0, 1] - x[0, 0, 0], np.array([0.0, 0, 1]))
        x = x @ upright.T
        x = x @ rodrigues(x[0, 0, 8] - x[0, 0, 4], np.array([1.0, 0, 0])).T
    return x


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 3),
    st.integers(1, 9),
    st.sampled_from([20, 25]),
    st.sampled_from([np.float16, np.float32]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_the_body_is_placed_by_the_documented_steps(persons, frames, joints, dtype, align_spine, align_center, seed):
    random = np.random.RandomState(seed)
    keypoint = random.randn(persons, frames, joints, 3).astype(dtype)
    keypoint[random.rand(persons, frames) < 0.3] = 0
    keypoint[random.rand(persons, frames, joints) < 0.1] = 0
    if not keypoint.any():
        return
    expected = step_by_step(keypoint, align_spine, align_center)
    keypoint.flags.writeable = False
    out = PreNormalize3D(align_spine=align_spine, align_center=align_center)({'keypoint': keypoint})
    assert out['keypoint'].dtype == np.float32
    assert out['total_frames'] == expected.shape[1]
    assert np.allclose(out['keypoint'], expected, atol=1e-5)
    assert ('body_center' in out) == align_center


def test_the_person_seen_longest_comes_first_and_ties_keep_order():
    keypoint = np.zeros((3, 4, 25, 3), np.float32)
    keypoint[0, :2] = 1
    keypoint[1, 1:] = 2
    keypoint[2, :3] = 3
    out = PreNormalize3D(align_spine=False, align_center=False)({'keypoint': keypoint})
    assert out['keypoint'][:, :, 0, 0].tolist() == [[2, 2, 2], [3, 3, 0], [1, 0, 0]]


def test_the_skeleton_defines_the_origin():
    keypoint = np.random.RandomState(0).randn(1, 2, 20, 3).astype(np.float32)
    ucla = PreNormalize3D(dataset='nw-ucla', align_spine=False)({'keypoint': keypoint})
    assert ucla['body_center'].tolist() == keypoint[0, 0, 1].tolist()
    pyskl = PreNormalize3D(align_spine=False)({'keypoint': keypoint})
    assert pyskl['body_center'].tolist() == keypoint[0, 0, -1].tolist()


def test_an_empty_sample_stays_empty():
    out = PreNormalize3D()({'keypoint': np.zeros((2, 5, 25, 3), np.float16), 'total_frames': 5})
    assert out['keypoint'].shape == (2, 5, 25, 3) and not out['keypoint'].any()
    assert out['total_frames'] == 5 and 'body_center' not in out


def test_a_frame_counts_as_filled_by_any_joint():
    keypoint = np.zeros((1, 3, 4, 3))
    keypoint[0, 0, 3, 2] = -1
    keypoint[0, 1, 0, 0] = 1e-9
    assert filled_frames(keypoint).tolist() == [[True, False, False]]
