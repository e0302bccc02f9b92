"""Bones and motion: facts of straight lines, and NumPy's float16."""

import numpy as np
import pytest

from pyskl.datasets.pipelines.streams import GenSkeFeat, JointToBone, MergeSkeFeat, ToMotion, append_score, bone, motion
from pyskl.skeletons import get_skeleton

CHAIN = {'joints': 3, 'edges': [(1, 0), (2, 1)], 'dims': 2}


def test_motion_of_constant_velocity_is_constant_then_zero():
    walk = np.arange(4.0).reshape(1, 4, 1, 1)  # one unit per frame
    assert motion(walk).ravel().tolist() == [1, 1, 1, 0]


def test_motion_of_one_frame_is_zero():
    assert motion(np.ones((2, 1, 3, 2))).sum() == 0


def test_the_score_of_a_motion_is_the_mean_of_both_frames():
    x = np.array([[1, 2, 0.25], [4, 6, 0.75]], np.float32).reshape(1, 2, 1, 3)
    assert motion(x, has_score=True).reshape(2, 3).tolist() == [[3, 4, 0.5], [0, 0, 0]]


def test_bones_of_a_straight_arm_are_equal_and_the_root_has_none():
    arm = np.array([[0, 0], [1, 2], [2, 4]], np.float32).reshape(1, 1, 3, 2)
    assert bone(arm, (0, 0, 1))[0, 0].tolist() == [[0, 0], [1, 2], [1, 2]]


def test_the_score_of_a_bone_is_the_mean_of_its_ends():
    arm = np.array([[0, 0, 1.0], [1, 2, 0.5]], np.float32).reshape(1, 1, 2, 3)
    assert bone(arm, (0, 0), has_score=True)[0, 0].tolist() == [[0, 0, 1], [1, 2, 0.75]]


def test_float16_is_rounded_as_numpy_rounds_it():
    x = (np.random.RandomState(0).rand(2, 30, 17, 3) * 2 - 1).astype(np.float16)
    x.flags.writeable = False
    parents = list(get_skeleton('coco').bone_parents)
    bones = x - x[:, :, parents]
    bones[..., 2] = (x[..., 2] + x[:, :, parents, 2]) / np.float16(2)
    assert np.abs(bone(x, parents, True) - bones).max() < 1e-7
    moved = np.zeros_like(x)
    moved[:, :-1] = x[:, 1:] - x[:, :-1]
    found = motion(x)
    assert found.dtype == np.float16 and np.array_equal(found, moved)


def test_features_are_joined_in_the_order_of_the_config():
    x = np.random.RandomState(0).randn(1, 5, 25, 3).astype(np.float32)
    parents = get_skeleton('nturgb+d').bone_parents
    out = GenSkeFeat(feats=['bm', 'j', 'jm', 'b'])({'keypoint': x})['keypoint']
    assert np.array_equal(out[..., :3], motion(bone(x, parents)))
    assert np.array_equal(out[..., 3:6], x)
    assert np.array_equal(out[..., 6:9], motion(x))
    assert np.array_equal(out[..., 9:], bone(x, parents))


def test_a_score_beside_the_joints_becomes_their_channel():
    results = {'keypoint': np.zeros((1, 2, 17, 2), np.float16), 'keypoint_score': np.ones((1, 2, 17), np.float16)}
    out = GenSkeFeat('coco')(results)
    assert out['keypoint'].shape == (1, 2, 17, 3) and 'keypoint_score' not in out
    assert out['keypoint'][0, 0, 0].tolist() == [0, 0, 1] and out['coord_dims'] == 2


def test_append_score_takes_the_wider_dtype():
    assert append_score(np.zeros((1, 1, 2, 2), np.float16), np.ones((1, 1, 2))).dtype == np.float64


def test_transforms_write_to_their_target_key():
    x = np.array([[0, 0, 1], [1, 2, 1], [2, 4, 1]], np.float32).reshape(1, 1, 3, 3)
    results = {'keypoint': np.concatenate([x, x * [2, 2, 1]], axis=1).astype(np.float32)}
    results = JointToBone(CHAIN, target='bone')(results)
    results = ToMotion(CHAIN, source='bone', target='moved')(results)
    assert results['moved'][0, 0].tolist() == [[0, 0, 1], [1, 2, 1], [1, 2, 1]]
    merged = MergeSkeFeat(['keypoint', 'moved'], target='both')(results)['both']
    assert merged.shape == (1, 2, 3, 6) and np.array_equal(merged[..., 3:], results['moved'])


def test_hand_scores_can_be_differenced_as_old_checkpoints_need():
    hand = np.zeros((1, 2, 21, 3), np.float32)
    hand[0, :, :, 2] = [[0.2], [0.6]]
    assert np.allclose(ToMotion('handmp')({'keypoint': hand})['motion'][0, 0, :, 2], 0.4)
    old = GenSkeFeat('handmp', ['jm'], motion_score='difference')({'keypoint': hand})['keypoint']
    assert np.allclose(old[0, 0, :, 2], 0.4) and np.allclose(old[0, 1, :, 2], 0)
    hand[0, :, :, 2] = [[0.2], [0.8]]
    assert np.allclose(ToMotion('handmp')({'keypoint': hand})['motion'][0, 0, :, 2], 0.5)
    assert np.allclose(ToMotion('handmp', motion_score='difference')({'keypoint': hand})['motion'][0, 0, :, 2], 0.6)


def test_data_that_do_not_fit_the_skeleton_raise():
    wide = {'keypoint': np.zeros((1, 1, 17, 2)), 'keypoint_score': np.zeros((1, 1, 17)), 'frame_dir': 'S1'}
    with pytest.raises(
        ValueError, match=r"dataset='nturgb\+d' is 3D, but sample 'S1' has keypoint \(1, 1, 17, 2\) and"
    ):
        GenSkeFeat()(dict(wide))
    del wide['keypoint_score']
    with pytest.raises(ValueError, match="dataset='openpose' has 18 joints, but sample 'S1' has keypoint"):
        GenSkeFeat('openpose')(dict(wide))
    with pytest.raises(ValueError, match=r"is 3D, but sample 'S1' has keypoint \(1, 1, 25, 2\)"):
        GenSkeFeat()({'keypoint': np.zeros((1, 1, 25, 2)), 'frame_dir': 'S1'})
    with pytest.raises(ValueError, match='JointToBone .* has 25 joints'):
        JointToBone()(dict(wide))


def test_invalid_arguments_raise():
    with pytest.raises(ValueError, match=r"feats must be some of \['j', 'b', 'jm', 'bm'\], got \['k'\]"):
        GenSkeFeat(feats='k')
    with pytest.raises(ValueError, match="motion_score must be 'mean' or 'difference', got 'max'"):
        ToMotion(motion_score='max')
    with pytest.raises(ValueError, match="unknown skeleton 'cocoa'"):
        GenSkeFeat('cocoa')
