"""Heatmaps: the published arrays, and properties that hold for any input."""

import math
from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.pipelines.heatmap import FormatHeatmapInput, GeneratePoseTarget
from pyskl.skeletons import SKELETONS, limb_mirror_order, mirror_order

GOLDEN = dict(np.load(Path(__file__).parents[2] / 'data' / 'pipelines_heatmap.npz'))
TRIPLE = {'joints': 3, 'edges': [(1, 0), (2, 1)], 'left': [0], 'right': [2]}


@pytest.mark.parametrize('key', [key for key in GOLDEN if key.startswith('out/')])
def test_pipeline_gives_the_published_volume(key):
    _, kind, name = key.split('/')
    sample = {k.split('/')[2]: GOLDEN[k] for k in GOLDEN if k.startswith(f'in/{name}/')}
    for array in sample.values():
        array.flags.writeable = False
    sample.update(total_frames=sample['keypoint'].shape[1], test_mode=True)
    pipeline = [
        {'type': 'UniformSampleFrames', 'clip_len': 16},
        {'type': 'PoseDecode'},
        {'type': 'PoseCompact', 'hw_ratio': 1.0, 'allow_imgpad': True},
        {'type': 'Resize', 'scale': [-1, 64]},
        {'type': 'CenterCrop', 'crop_size': 64},
        {'type': 'GeneratePoseTarget', 'with_kp': kind == 'joint', 'with_limb': kind == 'limb'},
        {'type': 'FormatShape', 'input_format': 'NCTHW_Heatmap'},
    ]
    found, expected = Compose(pipeline)(sample)['imgs'], GOLDEN[key].astype(np.float32)
    assert found.dtype == np.float32
    assert found.shape == (1, 17, 16, 64, 64)
    assert np.abs(found[:, :, : expected.shape[2]] - expected).max() < 3e-4  # half of float16's last digit


def sample(points, size=(9, 12), score=None):
    """``points``: (M, T, V, 2) as lists; ``size``: (height, width)."""
    results = {'keypoint': np.array(points, np.float64), 'img_shape': size, 'frame_dir': 'clip'}
    if score is not None:
        results['keypoint_score'] = np.array(score, np.float32)
    return results


def draw(results, **options):
    options = {'layout': TRIPLE, **options}
    return GeneratePoseTarget(**options)(dict(results))['imgs']


LIMBS = {'with_kp': False, 'with_limb': True}


def test_the_peak_of_a_joint_is_its_score_at_its_pixel():
    volume = draw(sample([[[[3, 2], [11, 8], [6, 4]]]], score=[[[1, 0.5, 0.25]]]))
    assert volume.shape == (1, 3, 9, 12)
    for joint, (x, y, score) in enumerate([(3, 2, 1), (11, 8, 0.5), (6, 4, 0.25)]):
        assert volume[0, joint].max() == volume[0, joint, y, x] == score
    assert volume[0, 0, 2, 4] == pytest.approx(math.exp(-1 / (2 * 0.6**2)))
    assert volume[0, 0].any(0).nonzero()[0].tolist() == [1, 2, 3, 4]  # 3 -+ 1.8, cut off
    assert volume[0, 0].any(1).nonzero()[0].tolist() == [0, 1, 2, 3]


def test_a_limb_has_full_score_along_its_segment_and_decays_like_a_joint():
    volume = draw(sample([[[[2, 3], [6, 3], [6, 7]]]], score=[[[1, 0.8, 1]]]), **LIMBS)
    assert volume.shape == (1, 2, 9, 12)
    assert np.allclose(volume[0, 0, 3, 2:7], 0.8)  # the lower of its ends
    assert np.allclose(volume[0, 0, 2, 2:7], 0.8 * math.exp(-1 / (2 * 0.6**2)))
    assert np.allclose(volume[0, 1, 3:8, 6], 0.8)
    assert volume[0, 0, 5:].max() == 0


def test_a_limb_shorter_than_a_pixel_is_its_first_joint():
    results = sample([[[[5.2, 4.1], [5.9, 4.6], [5.9, 4.6]]]], score=[[[0.5, 0.9, 0.9]]])
    # TRIPLE's limbs are (1, 0) and (2, 1).
    assert np.allclose(draw(results, **LIMBS)[0, 0], draw(results)[0, 1], atol=1e-6)


@pytest.mark.parametrize('options', [{}, LIMBS])
def test_persons_combine_by_the_maximum_in_any_order(options):
    random = np.random.RandomState(1)
    points, score = random.rand(3, 2, 3, 2) * (12, 9), random.rand(3, 2, 3)
    together = draw(sample(points, score=score), **options)
    alone = [draw(sample(points[m : m + 1], score=score[m : m + 1]), **options) for m in range(3)]
    assert np.array_equal(together, np.max(alone, axis=0))
    assert np.array_equal(together, draw(sample(points[::-1], score=score[::-1]), **options))


@pytest.mark.parametrize('options', [{}, LIMBS])
def test_double_appends_the_mirror_image_with_partners_exchanged(options):
    points = np.random.RandomState(2).rand(2, 4, 3, 2) * (14, 11) - 1
    once, twice = draw(sample(points), **options), draw(sample(points), double=True, **options)
    assert np.array_equal(twice[:4], once)
    partners = [1, 0] if options else [2, 1, 0]
    assert np.array_equal(twice[4:], once[:, partners, :, ::-1])


def slow_joint(volume, x, y, score, sigma):
    height, width = volume.shape
    r = 3 * sigma
    for i in range(max(int(x - r), 0), min(int(x + r), width - 1) + 1):
        for j in range(max(int(y - r), 0), min(int(y + r), height - 1) + 1):
            volume[j, i] = max(volume[j, i], score * math.exp(-((i - x) ** 2 + (j - y) ** 2) / (2 * sigma**2)))


def slow_limb(volume, a, b, scores, sigma):
    if (b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 < 1:
        return slow_joint(volume, *a, scores[0], sigma)
    height, width = volume.shape
    r, line = 3 * sigma, np.subtract(b, a)
    for i in range(max(int(min(a[0], b[0]) - r), 0), min(int(max(a[0], b[0]) + r), width - 1) + 1):
        for j in range(max(int(min(a[1], b[1]) - r), 0), min(int(max(a[1], b[1]) + r), height - 1) + 1):
            from_a = np.subtract((i, j), a)
            d = from_a - np.clip(from_a @ line / (line @ line), 0, 1) * line
            volume[j, i] = max(volume[j, i], min(scores) * math.exp(-(d @ d) / (2 * sigma**2)))
    return None


@pytest.mark.parametrize('sigma', [0.6, 1.3])
@pytest.mark.parametrize('size', [(9, 12), (3, 4)])
def test_volumes_equal_those_of_pixel_by_pixel_loops(size, sigma):
    random = np.random.RandomState(3)
    points = random.rand(2, 20, 3, 2) * (16, 13) - 2  # some outside the image
    points[:, 5:8, 1] = points[:, 5:8, 0] + 0.3  # short limbs
    points[0, 9, 2] = points[0, 9, 1] + (4, 0)  # level and upright ones
    points[0, 10, 2] = points[0, 10, 1] + (0, 4)
    score = random.rand(2, 20, 3).clip(0.2) - 0.2  # some not to be drawn
    joints, limbs = np.zeros((20, 3, *size)), np.zeros((20, 2, *size))
    for m, t in np.ndindex(2, 20):
        for v in range(3):
            if score[m, t, v] >= 1e-3:
                slow_joint(joints[t, v], *points[m, t, v], score[m, t, v], sigma)
        for k, (a, b) in enumerate(TRIPLE['edges']):
            if min(score[m, t, [a, b]]) >= 1e-3:
                slow_limb(limbs[t, k], points[m, t, a], points[m, t, b], score[m, t, [a, b]], sigma)
    results = sample(points, size, score)
    assert np.abs(draw(results, sigma=sigma) - joints).max() < 1e-5
    assert np.abs(draw(results, sigma=sigma, **LIMBS) - limbs).max() < 1e-5
    assert np.array_equal(draw(results, sigma=sigma) > 0, joints > 0)


@pytest.mark.parametrize('options', [{}, LIMBS])
def test_no_person_or_no_finite_joint_gives_an_empty_volume(options):
    assert not draw(sample(np.zeros((0, 2, 3, 2))), **options).any()
    assert not draw(sample(np.full((1, 2, 3, 2), np.nan)), **options).any()
    assert not draw(sample(np.full((1, 2, 3, 2), -50.0)), double=True, **options).any()
    assert not draw(sample(np.full((1, 2, 3, 2), 3.0), score=np.zeros((1, 2, 3))), **options).any()


def test_without_use_score_every_peak_is_1():
    results = sample([[[[3, 2], [9, 6], [6, 4]]]], score=[[[0.1, 0.5, 0.2]]])
    assert draw(results, use_score=False).max((0, 2, 3)).tolist() == [1, 1, 1]


def test_scaling_scales_image_and_joints_but_not_the_sample():
    results = sample([[[[6, 4], [18, 12], [12, 8]]]], size=(18, 24))
    before = results['keypoint'].copy()
    assert np.array_equal(draw(results, scaling=0.5), draw(sample([[[[3, 2], [9, 6], [6, 4]]]])))
    assert np.array_equal(results['keypoint'], before)


def test_existing_imgs_are_not_overwritten_by_heatmaps():
    results = {**sample([[[[3, 2], [9, 6], [6, 4]]]]), 'imgs': 'images'}
    results = GeneratePoseTarget(layout=TRIPLE)(results)
    assert results['imgs'] == 'images'
    assert results['heatmap_imgs'].shape == (1, 3, 9, 12)


def test_both_published_orders_of_limbs_have_the_published_partners():
    coco = SKELETONS['coco']
    partners = mirror_order(17, coco.left, coco.right)
    default = mirror_order(17, (0, 2, 4, 5, 6, 10, 11, 12), (1, 3, 7, 8, 9, 13, 14, 15))
    assert limb_mirror_order(coco.limbs, partners) == default
    named = GeneratePoseTarget(**LIMBS, skeletons='posec3d')
    given = GeneratePoseTarget(
        **LIMBS,
        skeletons=[(0, 5), (0, 6), (5, 7), (7, 9), (6, 8), (8, 10), (5, 11), (11, 13), (13, 15), (6, 12), (12, 14),
                   (14, 16), (0, 1), (0, 2), (1, 3), (2, 4), (11, 12)],
        left_limb=(0, 2, 3, 6, 7, 8, 12, 14), right_limb=(1, 4, 5, 9, 10, 11, 13, 15),
    )  # fmt: skip
    assert named.limbs == given.limbs
    points = np.random.RandomState(4).rand(1, 2, 17, 2) * (12, 9)
    assert np.array_equal(*(each({**sample(points), 'x': 0})['imgs'] for each in (named, given)))
    named, given = (type(each)(**LIMBS, skeletons=each.limbs, double=True) for each in (named, given))
    assert np.array_equal(*(each(sample(points))['imgs'] for each in (named, given)))


def test_invalid_arguments_and_samples_raise():
    for options in ({'with_limb': True}, {'with_kp': False}):
        with pytest.raises(ValueError, match='one of with_kp and with_limb must be True'):
            GeneratePoseTarget(**options)
    with pytest.raises(ValueError, match='sigma must be above 0, got 0'):
        GeneratePoseTarget(sigma=0)
    with pytest.raises(ValueError, match="unknown skeletons='posec3'; choose from"):
        GeneratePoseTarget(**LIMBS, skeletons='posec3')
    with pytest.raises(ValueError, match="pairs of joints below 17 \\('coco'\\)"):
        GeneratePoseTarget(**LIMBS, skeletons=[(0, 17)], layout='coco')
    with pytest.raises(ValueError, match='limbs refer to joint 17, but sample .* has keypoint'):
        GeneratePoseTarget(**LIMBS, skeletons=[(0, 17)])(sample(np.ones((1, 1, 17, 2))))
    with pytest.raises(ValueError, match='skeletons must be pairs of joints'):
        GeneratePoseTarget(**LIMBS, skeletons=[(0, 1, 2)])
    with pytest.raises(ValueError, match='left_kp and right_kp must both be given'):
        GeneratePoseTarget(left_kp=[1])
    with pytest.raises(ValueError, match='left_kp, right_kp must pair different indices below 17'):
        GeneratePoseTarget(left_kp=[1], right_kp=[17], layout='coco')
    with pytest.raises(ValueError, match="layout='coco' has 17 joints, but sample 'clip' has keypoint"):
        GeneratePoseTarget(layout='coco')(sample(np.zeros((1, 1, 3, 2))))
    with pytest.raises(ValueError, match=r'keypoint \(1, 2, 25, 3\); heatmaps need 2D'):
        GeneratePoseTarget()({'keypoint': np.full((1, 2, 25, 3), -1.0)})


def test_joints_and_given_limbs_need_no_skeleton():
    points = np.array([[[[2.0, 3], [9, 4], [5, 5]]]])
    assert GeneratePoseTarget()(sample(points))['imgs'].shape[1] == 3
    doubled = GeneratePoseTarget(double=True, left_kp=[0], right_kp=[1])(sample(points))['imgs']
    assert np.array_equal(doubled[1, 0], doubled[0, 1][:, ::-1])
    assert np.array_equal(doubled[1, 2], doubled[0, 2][:, ::-1])
    limbs = {'with_kp': False, 'with_limb': True, 'skeletons': [(0, 2), (1, 2)]}
    doubled = GeneratePoseTarget(**limbs, double=True, left_limb=[0], right_limb=[1])(sample(points))['imgs']
    assert np.array_equal(doubled[1, 0], doubled[0, 1][:, ::-1])
    by_joints = GeneratePoseTarget(**limbs, double=True, left_kp=[0], right_kp=[1])(sample(points))['imgs']
    assert np.array_equal(by_joints, doubled)
    with pytest.raises(ValueError, match='set left_kp and right_kp, or set layout= to the skeleton'):
        GeneratePoseTarget(double=True)(sample(points))


def test_joints_for_a_drawing_model_have_score_and_flip_channels():
    points = np.arange(24.0).reshape(2, 6, 1, 2)  # two persons, two clips of three frames, one joint
    results = {**sample(points, score=points[..., 0] / 100 + 0.1), 'num_clips': 2}
    found = FormatHeatmapInput(double=True)(results)
    assert 'keypoint_score' not in found
    views = found['keypoint']
    assert views.shape == (4, 2, 3, 1, 4) and views.dtype == np.float64
    assert views[1, 0, :, 0, 0].tolist() == [6, 8, 10]  # second clip, first person
    assert views[0, 1, :, 0, 1].tolist() == [13, 15, 17]
    assert np.allclose(views[1, 1, :, 0, 2], [0.28, 0.3, 0.32])
    assert views[..., 3].max((1, 2, 3)).tolist() == views[..., 3].min((1, 2, 3)).tolist() == [0, 0, 1, 1]
    assert np.array_equal(views[2:, ..., :3], views[:2, ..., :3])


def test_persons_without_drawable_joints_are_dropped_except_the_last():
    points = np.ones((3, 2, 1, 2))
    seen = FormatHeatmapInput()(sample(points, score=[[[0], [0]], [[0], [0.5]], [[0], [0]]]))
    assert seen['keypoint'].shape == (1, 1, 2, 1, 4) and seen['keypoint'][0, 0, :, 0, 2].tolist() == [0, 0.5]
    assert FormatHeatmapInput()(sample(points, score=np.zeros((3, 2, 1))))['keypoint'].shape == (1, 1, 2, 1, 4)
    assert FormatHeatmapInput(use_score=False)(sample(points, score=np.zeros((3, 2, 1))))['keypoint'].shape[1] == 3
    assert FormatHeatmapInput(scaling=0.5)(sample(points))['keypoint'].ravel().tolist() == [0.5, 0.5, 1, 0] * 6


def test_joints_that_do_not_fit_num_clips_raise():
    with pytest.raises(ValueError, match=r"sample 'clip' has \(1, 3, 1, 2\) and num_clips=2"):
        FormatHeatmapInput()({**sample(np.ones((1, 3, 1, 2))), 'num_clips': 2})
    with pytest.raises(ValueError, match='scaling must be above 0, got 0'):
        FormatHeatmapInput(scaling=0)
