"""Heatmaps drawn on the device equal those of the transform, for every skeleton, joints and limbs."""

import copy
import pickle

import numpy as np
import pytest
import torch

from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.pipelines.heatmap import GeneratePoseTarget
from pyskl.models.heatmaps import pose_heatmaps
from tests.golden import DATA

TRIPLE = {'joints': 3, 'edges': [(1, 0), (2, 1)], 'left': [0], 'right': [2]}
JOINTS, LIMBS = {}, {'with_kp': False, 'with_limb': True}


def clip(joints=3, dtype=np.float64):
    """Two persons, partly outside an image of 12 x 9, partly unseen, with short and level limbs: ``(2, T, V, 3)``."""
    random = np.random.RandomState(5)
    points = np.concatenate([random.rand(2, 20, joints, 2) * (16, 13) - 2, random.rand(2, 20, joints, 1)], -1)
    points[..., 2] = (points[..., 2] - 0.2).clip(0)
    points[:, 5:8, 1, :2] = points[:, 5:8, 0, :2] + 0.3
    points[0, 9, 2, :2] = points[0, 9, 1, :2] + (4, 0)
    points[0, 10, 2, :2] = points[0, 10, 1, :2] + (0, 4)
    points[0, 11, 1] = np.nan, 1, 1
    return points.astype(dtype)


def transformed(points, size=(9, 12), **options):
    """Heatmaps of the transform, ``(K, T, H, W)``."""
    sample = {'keypoint': points[..., :2], 'keypoint_score': points[..., 2], 'img_shape': size}
    return torch.from_numpy(GeneratePoseTarget(**options)(sample)['imgs']).transpose(0, 1)


@pytest.mark.parametrize('options', [JOINTS, LIMBS])
@pytest.mark.parametrize('dtype', [np.float64, np.float32])
@pytest.mark.parametrize('sigma', [0.6, 1.3])
def test_volumes_equal_those_of_the_transform(options, dtype, sigma):
    points = clip(dtype=dtype)
    options = {'layout': TRIPLE, 'sigma': sigma, **options}
    volume = pose_heatmaps(**options, test_size=(9, 12)).eval()(torch.from_numpy(points)[None])[0]
    expected = transformed(points, **options)
    assert volume.dtype == torch.float32
    assert (volume - expected).abs().max() < 1e-5
    assert torch.equal(volume > 1e-6, expected > 1e-6)


@pytest.mark.parametrize('layout', ['coco', 'openpose', 'nw-ucla', 'nturgb+d', 'handmp'])
@pytest.mark.parametrize('options', [JOINTS, LIMBS])
def test_volumes_and_their_mirror_images_equal_those_of_the_transform(layout, options):
    module = pose_heatmaps(layout, **options, test_size=(9, 12)).eval()
    points = clip(module.num_joints)
    volume = module(torch.from_numpy(points)[None])
    expected = transformed(points, layout=layout, double=True, **options)
    assert (torch.cat([volume, module.mirror(volume)], 2)[0] - expected).abs().max() < 1e-5


@pytest.mark.parametrize('kind', ['joint', 'limb'])
def test_volumes_equal_the_published_ones(kind):
    golden = np.load(DATA / 'pipelines_heatmap.npz')
    for name in ('c0', 'c1', 'c2', 'c3'):
        sample = {key: golden[f'in/{name}/{key}'] for key in ('keypoint', 'keypoint_score', 'img_shape')}
        sample.update(total_frames=sample['keypoint'].shape[1], test_mode=True)
        pipeline = [
            {'type': 'UniformSampleFrames', 'clip_len': 16},
            {'type': 'PoseDecode'},
            {'type': 'PoseCompact', 'hw_ratio': 1.0},
            {'type': 'Resize', 'scale': (-1, 64)},
            {'type': 'CenterCrop', 'crop_size': 64},
            {'type': 'FormatGCNInput', 'num_person': 3},
        ]
        keypoint = torch.from_numpy(Compose(pipeline)(sample)['keypoint'])
        module = pose_heatmaps(with_kp=kind == 'joint', with_limb=kind == 'limb').eval()
        expected = torch.from_numpy(golden[f'out/{kind}/{name}'].astype(np.float32))
        assert (module(keypoint)[:, :, : expected.shape[2]] - expected).abs().max() < 3e-4


def test_training_and_evaluation_have_image_sizes_of_their_own():
    module = pose_heatmaps(TRIPLE, train_size=6, test_size=(9, 12))
    keypoint = torch.from_numpy(clip())[None]
    assert module.train()(keypoint).shape == (1, 3, 20, 6, 6)
    assert module.eval()(keypoint).shape == (1, 3, 20, 9, 12)


@pytest.mark.parametrize('options', [JOINTS, LIMBS])
def test_it_can_be_copied_and_pickled_has_no_state_and_ignores_autocast(options):
    module = pose_heatmaps(TRIPLE, **options, test_size=(9, 12)).eval()
    keypoint = torch.from_numpy(clip())[None]
    volume = module(keypoint)
    assert module.state_dict() == {}
    assert torch.equal(copy.deepcopy(module)(keypoint), volume)
    assert torch.equal(pickle.loads(pickle.dumps(module))(keypoint), volume)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(module(keypoint), volume)


def test_invalid_options_and_inputs_raise():
    with pytest.raises(ValueError, match='one of with_kp and with_limb must be True'):
        pose_heatmaps(with_limb=True)
    with pytest.raises(ValueError, match='train_size must be pixels, one number or .height, width., got'):
        pose_heatmaps(train_size=(0.5, 1))
    with pytest.raises(ValueError, match='V=17 joints, and C is 3 or 4: x, y, score'):
        pose_heatmaps()(torch.zeros(1, 2, 4, 17, 2))


@pytest.mark.parametrize('options', [JOINTS, LIMBS])
def test_a_fourth_channel_marks_the_mirrored_volumes(options):
    module = pose_heatmaps(TRIPLE, **options, test_size=(9, 12)).eval()
    points = torch.from_numpy(clip())[None].repeat(2, 1, 1, 1, 1)
    views = torch.cat([points, torch.zeros_like(points[..., :1])], -1)
    views[1, ..., 3] = 1
    views = torch.cat([views, torch.zeros_like(views[:, :1])], 1)  # an absent person as padding
    volume = module(points)
    assert torch.equal(module(views), torch.stack([volume[0], module.mirror(volume)[1]]))


def test_left_and_right_may_be_given():
    named = pose_heatmaps('coco', left_kp=[1], right_kp=[3])
    assert named.partners.tolist()[:4] == [0, 3, 2, 1]
    named = pose_heatmaps('coco', **LIMBS, skeletons=[(0, 1), (0, 2), (1, 3)], left_limb=[0], right_limb=[2])
    assert named.partners.tolist() == [2, 1, 0]
    with pytest.raises(ValueError, match='left_kp and right_kp must both be given, or neither'):
        pose_heatmaps('coco', left_kp=[1])
