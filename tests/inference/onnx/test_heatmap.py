"""Heatmaps by a graph: those of the pipeline, checked pixel by pixel."""

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

from tests.inference.onnx.graphs import SIZE, both  # noqa: E402

SAMPLE = [{'type': 'UniformSample', 'clip_len': 10, 'num_clips': 3}, {'type': 'PoseDecode'}]
CROP = [
    {'type': 'PoseCompact', 'hw_ratio': 1.0},
    {'type': 'Resize', 'scale': (48, 40), 'keep_ratio': False},
]
END = [
    {'type': 'FormatShape', 'input_format': 'NCTHW_Heatmap'},
    {'type': 'Collect', 'keys': ['imgs', 'label'], 'meta_keys': []},
    {'type': 'ToTensor', 'keys': ['imgs']},
]
LIMBS = {'with_kp': False, 'with_limb': True}


def heatmaps(*steps, **target):
    return [*steps, dict(type='GeneratePoseTarget', **target), *END]


@pytest.mark.parametrize('half', [False, True], ids=['float32', 'float16'])
@pytest.mark.parametrize(
    'target',
    [
        {},
        {'double': True},
        {'use_score': False, 'scaling': 0.5, 'sigma': 1.0},
        {**LIMBS, 'double': True},
        {**LIMBS, 'skeletons': [[0, 1], [5, 7], [7, 9]], 'sigma': 2.0},
        {**LIMBS, 'skeletons': 'posec3d', 'double': True, 'use_score': False},
    ],
    ids=str,
)
def test_every_pixel_equals_that_of_the_pipeline(target, half):
    pair = both(heatmaps(*SAMPLE, *CROP, **target), half=half)
    for frames, persons in ((1, 1), (5, 2), (35, 3)):
        assert pair.apart(frames, persons, holes=True, seed=frames) < 1e-5


@pytest.mark.parametrize('target', [{}, LIMBS], ids=str)
def test_joints_after_a_central_crop_are_float64(target):
    steps = [*SAMPLE, {'type': 'Resize', 'scale': (-1, 64)}, {'type': 'CenterCrop', 'crop_size': (40, 56)}]
    pair = both(heatmaps(*steps, double=True, **target))
    assert pair.apart(13, 2, holes=True) < 2e-5
    assert pair.pipeline(pair.record(13, 2, False, 0))['imgs'].shape == (6, 17, 10, 56, 40)


def test_a_joint_peaks_at_its_pixel_and_its_mirror_image_at_the_mirrored_one():
    pair = both(heatmaps({'type': 'Resize', 'scale': (40, 30), 'keep_ratio': False}, double=True))
    joints = np.zeros((1, 1, 17, 3), np.float32)
    joints[0, 0, 9] = SIZE[1] / 4, SIZE[0] / 3, 0.5  # left wrist: x = 10, y = 10 of 40 x 30 pixels
    volume = pair.graph(keypoint=joints, img_shape=np.array(SIZE))
    assert volume.shape == (1, 1, 17, 2, 30, 40)
    assert volume[0, 0, 9, 0, 10, 10] == pytest.approx(0.5, abs=1e-5)
    assert volume[0, 0, 10, 1, 10, 29] == pytest.approx(0.5, abs=1e-5)  # of the right wrist, in column 39 - 10
    assert np.count_nonzero(volume) == 2 * 4 * 4  # 3 sigma are 1.8 pixels to each side, and positions are rounded down


def test_a_clip_without_persons_equals_its_pipeline():
    pair = both(heatmaps(*SAMPLE, *CROP, double=True))
    assert pair.apart(5, 2, keypoint=np.zeros((2, 5, 17, 2), np.float32)) == 0
    assert pair.apart(5, 2, keypoint_score=np.zeros((2, 5, 17), np.float32)) == 0


def test_an_image_size_that_depends_on_the_clip_raises():
    steps = [*SAMPLE, {'type': 'PoseCompact'}, {'type': 'Resize', 'scale': (-1, 64)}]
    with pytest.raises(ValueError, match='GeneratePoseTarget, after which images have no fixed size; use Resize'):
        both(heatmaps(*steps))


def test_heatmaps_drawn_by_the_network_raise():
    with pytest.raises(ValueError, match="FormatHeatmapInput, of heatmap_on='device'; set heatmap_on='worker'"):
        both([*SAMPLE, *CROP, {'type': 'FormatHeatmapInput'}])
