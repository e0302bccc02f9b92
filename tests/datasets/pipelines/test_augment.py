"""Augmentations change coordinates within their bounds, and nothing else."""

import math

import numpy as np
import pytest

from pyskl.datasets.pipelines.augment import RandomGaussianNoise, RandomRot, RandomScale, rotation_matrix


@pytest.fixture(autouse=True)
def generator():
    np.random.seed(0)


def deep(seed=0):
    return {'keypoint': np.random.RandomState(seed).randn(2, 6, 25, 3).astype(np.float32), 'frame_dir': 'clip'}


def scored():
    """(x, y, score) in one array, as after PreNormalize2D."""
    return {'keypoint': np.random.RandomState(0).rand(2, 6, 17, 3).astype(np.float32), 'coord_dims': 2}


def test_no_angle_is_no_rotation():
    assert np.array_equal(rotation_matrix([0.0]), np.eye(2))
    assert np.array_equal(rotation_matrix([0.0, 0.0, 0.0]), np.eye(3))
    before = deep()['keypoint']
    assert np.array_equal(RandomRot(theta=0)(deep())['keypoint'], before)


def test_quarter_turns_are_those_of_the_published_matrices():
    quarter = math.pi / 2
    assert np.allclose(rotation_matrix([quarter]) @ [1, 0], [0, 1])
    assert np.allclose(rotation_matrix([quarter, 0, 0]) @ [0, 1, 0], [0, 0, -1])
    assert np.allclose(rotation_matrix([0, quarter, 0]) @ [1, 0, 0], [0, 0, 1])
    assert np.allclose(rotation_matrix([0, 0, quarter]) @ [1, 0, 0], [0, -1, 0])
    assert np.allclose(rotation_matrix([quarter, quarter, 0]) @ [0, 1, 0], [1, 0, 0])  # about x first


def test_a_rotation_preserves_lengths_and_consumes_three_random_numbers():
    out = RandomRot(0.3)(deep())['keypoint']
    assert np.allclose(np.linalg.norm(out, axis=-1), np.linalg.norm(deep()['keypoint'], axis=-1), atol=1e-5)
    after = np.random.rand()
    np.random.seed(0)
    angles = np.random.uniform(-0.3, 0.3, 3)
    assert np.allclose(out, deep()['keypoint'] @ rotation_matrix(angles).T, atol=1e-6)
    assert np.random.rand() == after


def test_the_2d_angle_takes_both_signs():
    east = {'keypoint': np.array([1.0, 0]).reshape(1, 1, 1, 2)}
    angles = [math.atan2(*RandomRot(0.3)(dict(east))['keypoint'].ravel()[::-1]) for _ in range(300)]
    assert -0.3 <= min(angles) < -0.25 and 0.25 < max(angles) <= 0.3
    assert abs(np.mean(angles)) < 0.05


def test_an_empty_sample_consumes_no_random_numbers():
    RandomRot()({'keypoint': np.zeros((1, 2, 25, 3), np.float16)})
    after = np.random.rand()
    np.random.seed(0)
    assert after == np.random.rand()


@pytest.mark.parametrize('transform', [RandomRot(), RandomScale(0.5), RandomGaussianNoise(0.1)])
def test_the_score_is_unchanged(transform):
    before = scored()
    before['keypoint'].flags.writeable = False
    out = transform(dict(before))['keypoint']
    assert np.array_equal(out[..., 2], before['keypoint'][..., 2])
    assert not np.allclose(out[..., :2], before['keypoint'][..., :2])


@pytest.mark.parametrize('transform', [RandomRot(), RandomScale(), RandomGaussianNoise()])
def test_float16_becomes_float32_and_stored_arrays_are_unchanged(transform):
    results = {'keypoint': deep()['keypoint'].astype(np.float16)}
    results['keypoint'].flags.writeable = False
    assert transform(results)['keypoint'].dtype == np.float32


def test_scaling_samples_one_factor_per_coordinate():
    out = RandomScale((0.1, 0.2, 0))(deep())['keypoint'] / deep()['keypoint']
    factors = out.reshape(-1, 3)
    assert np.ptp(factors, axis=0).max() < 1e-5
    np.random.seed(0)
    assert np.allclose(factors[0], 1 + np.random.uniform(-1, 1, 3) * [0.1, 0.2, 0], atol=1e-6)


def test_scaling_needs_one_number_per_coordinate():
    with pytest.raises(ValueError, match=r"scale=\(0\.1, 0\.2\) has 2 numbers, but sample 'clip' has 3 coordinates"):
        RandomScale((0.1, 0.2))(deep())


def published_noise(keypoint, sigma, base, shared):
    """The published steps, frame by frame."""
    persons, frames, joints, dims = keypoint.shape
    x = keypoint.reshape(-1, joints, dims).astype(np.float64)
    filled = (x.min(1) ** 2).sum(1) > 1e-4
    extent = np.linalg.norm(x.max(1) - x.min(1), axis=1) * filled
    if base == 'video':
        extent = np.linalg.norm(x[filled].max((0, 1)) - x[filled].min((0, 1))) * filled
    rows = 1 if shared else len(x)
    size = np.random.randn(*((joints,) if shared else (rows, joints))) * sigma
    direction = np.random.uniform(-1, 1, (dims, rows * joints))
    direction = (direction / np.linalg.norm(direction, axis=0)).T.reshape(rows, joints, dims)
    push = direction * np.broadcast_to(size, (rows, joints))[..., None] * extent[:, None, None]
    return (x + push).reshape(keypoint.shape)


@pytest.mark.parametrize('base, shared', [('frame', False), ('video', False), ('video', True)])
def test_noise_equals_the_published_steps(base, shared):
    results = deep()
    results['keypoint'][1, 2:4] = 0
    expected = published_noise(results['keypoint'], 0.05, base, shared)
    after = np.random.rand()
    np.random.seed(0)
    out = RandomGaussianNoise(0.05, base, shared)(results)['keypoint']
    assert np.allclose(out, expected, atol=1e-5)
    assert np.random.rand() == after
    assert not out[1, 2:4].any()


def test_wrong_arguments_and_positions_raise():
    with pytest.raises(ValueError, match='theta must be one angle of at least 0, or three, got -1'):
        RandomRot(-1)
    with pytest.raises(ValueError, match="base must be 'frame' or 'video'"):
        RandomGaussianNoise(shared=True)
    with pytest.raises(ValueError, match=r"sample 'clip' has keypoint \(1, 2, 25, 6\); put it before GenSkeFeat"):
        RandomRot()({'keypoint': np.ones((1, 2, 25, 6)), 'frame_dir': 'clip'})


def test_one_angle_per_axis_rotates_about_those_axes_only():
    turned = RandomRot(theta=(0, 1.0, 0))(deep())['keypoint']
    before = deep()['keypoint']
    assert np.allclose(turned[..., 1], before[..., 1])  # about y: heights stay
    assert not np.allclose(turned[..., 0], before[..., 0])
    with pytest.raises(ValueError, match='at least 0, or three, got'):
        RandomRot(theta=(0, 1))
