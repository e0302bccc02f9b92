"""Cropping, resizing and flipping the image transforms its joints."""

import random

import numpy as np
import pytest

from pyskl.datasets.pipelines.geometry2d import (
    CenterCrop,
    PoseCompact,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    random_box,
)


@pytest.fixture(autouse=True)
def generators():
    np.random.seed(0)
    random.seed(0)


def sample(points, size=(100, 200), **fields):
    """One person in one frame with joints ``points``; ``size``: (height, width)."""
    keypoint = np.array([[points]], np.float32)
    keypoint.flags.writeable = False
    return {'keypoint': keypoint, 'img_shape': size, 'frame_dir': 'clip', **fields}


def moved(results):
    return results['keypoint'][0, 0].tolist(), results['img_shape']


def test_the_box_is_padded_and_missing_joints_stay_at_zero():
    points = [[40, 20], [80, 60], [0, 0]]
    # half of 40 is 20, times 1.25 is 25, about (60, 40)
    assert moved(PoseCompact()(sample(points))) == ([[5, 5], [45, 45], [0, 0]], (50, 50))
    assert moved(PoseCompact(padding=0)(sample(points))) == ([[0, 0], [40, 40], [0, 0]], (40, 40))


def test_the_box_gets_the_given_aspect_ratio():
    points = [[40, 20], [80, 40]]
    assert PoseCompact(padding=0)(sample(points))['img_shape'] == (20, 40)
    assert PoseCompact(padding=0, hw_ratio=1)(sample(points))['img_shape'] == (40, 40)
    assert PoseCompact(padding=0, hw_ratio=(2, 2))(sample(points))['img_shape'] == (80, 40)


def test_the_box_is_truncated_towards_zero_and_optionally_clipped_to_the_image():
    points = [[2, 2], [22, 98]]
    # half sizes 12.5 and 60 about (12, 50): -0.5 .. 24.5, -10 .. 110
    assert moved(PoseCompact()(sample(points))) == ([[2, 12], [22, 108]], (120, 24))
    assert moved(PoseCompact(allow_imgpad=False)(sample(points))) == ([[2, 2], [22, 98]], (100, 24))


def test_a_small_or_missing_box_changes_only_nan():
    for points in ([[40, 20], [49, 60]], [[0, 0], [0, 0]]):
        assert moved(PoseCompact()(sample(points))) == (points, (100, 200))
    assert moved(PoseCompact()(sample([[np.nan, 3], [5, np.nan]]))) == ([[0, 3], [5, 0]], (100, 200))


def test_resize_keeps_proportions_or_takes_width_and_height():
    points = [[100, 50]]
    assert moved(Resize((-1, 50))(sample(points))) == ([[50, 25]], (50, 100))
    assert moved(Resize([50, -1])(sample(points))) == ([[50, 25]], (50, 100))
    assert moved(Resize((100, 80))(sample(points))) == ([[50, 25]], (50, 100))
    assert moved(Resize(2)(sample(points))) == ([[200, 100]], (200, 400))
    assert moved(Resize([50, 200], keep_ratio=False)(sample(points))) == ([[25, 100]], (200, 50))


def test_crops_shift_every_joint():
    points = [[100, 50], [0, 0]]
    assert moved(CenterCrop(60)(sample(points))) == ([[30, 30], [-70, -20]], (60, 60))
    assert moved(CenterCrop((50, 80))(sample(points))) == ([[25, 40], [-75, -10]], (80, 50))
    (first, second), size = moved(RandomCrop(60)(sample(points)))
    assert size == (60, 60)
    assert np.subtract(first, second).tolist() == [100, 50]
    assert -140 <= second[0] <= 0
    assert -40 <= second[1] <= 0


def test_random_boxes_lie_within_the_image_and_the_ranges():
    for _ in range(200):
        left, top, width, height = random_box(100, 200, (0.2, 0.9), (0.5, 2))
        assert left >= 0 and top >= 0 and left + width <= 200 and top + height <= 100
        assert 0.19 < width * height / 20000 < 0.91
        assert 0.48 < width / height < 2.1
    assert random_box(100, 200, (1, 1), (1, 1)) == (50, 0, 100, 100)  # none of ten fits


def test_random_resized_crop_samples_as_published():
    results = RandomResizedCrop((0.56, 1.0))(sample([[100, 50]], size=(64, 64)))
    np.random.seed(0)
    random.seed(0)
    ratios, areas = np.exp(np.random.uniform(np.log(3 / 4), np.log(4 / 3), 10)), np.random.uniform(0.56, 1, 10) * 4096
    boxes = [(round((s * r) ** 0.5), round((s / r) ** 0.5)) for r, s in zip(ratios, areas, strict=True)]
    width, height = next(box for box in boxes if max(box) <= 64)
    left, top = random.randint(0, 64 - width), random.randint(0, 64 - height)
    assert moved(results) == ([[100 - left, 50 - top]], (height, width))


def test_invalid_arguments_and_samples_raise():
    with pytest.raises(ValueError, match=r'keep_ratio=False needs scale=\(width, height\), got 2'):
        Resize(2, keep_ratio=False)
    with pytest.raises(ValueError, match='Resize scale must be above 0'):
        Resize((-1, -1))
    with pytest.raises(ValueError, match='Resize scale must be one number or two'):
        Resize((1, 2, 3))
    with pytest.raises(ValueError, match='area_range must be'):
        RandomResizedCrop(area_range=(0, 1))
    for transform in (CenterCrop(101), RandomCrop(101)):
        with pytest.raises(ValueError, match=r"larger than the image of sample 'clip'.*put Resize before"):
            transform(sample([[1, 1]]))
    with pytest.raises(ValueError, match=r"sample 'clip' has keypoint \(1, 1, 25, 3\); heatmaps need 2D"):
        PoseCompact()({'keypoint': np.full((1, 1, 25, 3), -1.0), 'frame_dir': 'clip'})
    with pytest.raises(ValueError, match=r"sample 'clip' has no img_shape; it must be \(height, width\)"):
        PoseCompact()({'keypoint': np.ones((1, 1, 25, 2)), 'frame_dir': 'clip'})


def test_a_third_channel_that_is_a_score_becomes_the_score():
    results = sample([[10, 20, 0.5], [60, 80, 0.25]])
    results = Resize(2)(results)
    assert results['keypoint'].tolist() == [[[[20, 40], [120, 160]]]]
    assert results['keypoint_score'].tolist() == [[[0.5, 0.25]]]
