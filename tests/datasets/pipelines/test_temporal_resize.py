"""Cropped and resized clips: interpolated frames, and the published crops."""

import numpy as np
import pytest
import torch

from pyskl.datasets.pipelines.temporal_resize import CropResize, centre_part, random_part, stretch


def walk(frames, persons=1):
    """One joint, one unit per frame, starting at 1, so that no frame is empty."""
    return np.arange(1.0, frames + 1, dtype=np.float32).reshape(1, frames, 1, 1).repeat(persons, 0)


def test_resizing_to_the_same_length_is_the_identity():
    assert np.array_equal(stretch(walk(7), 7), walk(7))


def test_resizing_to_half_averages_pairs():
    assert stretch(walk(8), 4).ravel().tolist() == [1.5, 3.5, 5.5, 7.5]


def test_resizing_to_twice_interpolates_at_quarters():
    assert stretch(walk(3), 6).ravel().tolist() == [1, 1.25, 1.75, 2.25, 2.75, 3]


def test_a_single_frame_is_repeated():
    assert stretch(walk(1), 4).ravel().tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize('frames', [1, 5, 63, 64, 65, 300])
def test_time_is_stretched_as_the_published_code_does_with_an_image(frames):
    keypoint = np.random.RandomState(0).randn(2, frames, 5, 3).astype(np.float32)
    image = torch.from_numpy(keypoint).permute(3, 2, 0, 1).reshape(1, 1, -1, frames)  # (1, 1, C * V * M, T)
    resized = torch.nn.functional.interpolate(image, size=(image.shape[2], 64), mode='bilinear', align_corners=False)
    expected = resized.reshape(3, 5, 2, 64).permute(2, 3, 1, 0).numpy()
    np.testing.assert_allclose(stretch(keypoint, 64), expected, atol=1e-5)


def test_the_central_part_is_cut_evenly_and_short_clips_are_not_cut():
    assert centre_part(100, 0.95) == (2, 96)
    assert centre_part(300, 0.95) == (7, 286)
    assert centre_part(39, 0.95) == (0, 39)


def test_a_random_part_is_a_share_of_the_clip_with_at_least_64_frames_if_available():
    random = np.random.RandomState(0)
    parts = np.array([random_part(200, (0.5, 1), 64, random) for _ in range(2000)])
    first, length = parts.T
    assert (first.min(), length.min(), length.max()) == (0, 100, 199)
    assert ((first + length) <= 200).all() and (first + length).max() == 200
    assert length.mean() == pytest.approx(150, rel=0.02)
    assert {random_part(100, (0.5, 0.5), 64, random)[1] for _ in range(20)} == {64}
    assert {random_part(40, (0.5, 1), 64, random) for _ in range(20)} == {(0, 40)}


def test_empty_frames_at_the_end_are_padding():
    padded = np.concatenate([walk(50), np.zeros((1, 250, 1, 1), np.float32)], axis=1)
    out = CropResize(clip_len=25, p_interval=1.0)({'keypoint': padded})
    assert np.array_equal(out['keypoint'], stretch(walk(50), 25))
    assert (out['total_frames'], out['clip_len'], out['num_clips']) == (25, 25, 1)


def test_an_empty_clip_stays_empty():
    out = CropResize(clip_len=4)({'keypoint': np.zeros((1, 9, 2, 3), np.float32)})
    assert out['keypoint'].shape == (1, 4, 2, 3) and not out['keypoint'].any()


def test_persons_stay_synchronous():
    out = CropResize(clip_len=64, p_interval=(0.5, 1))({'keypoint': walk(200, persons=2)})['keypoint']
    assert np.array_equal(out[0], out[1])


def test_test_mode_is_deterministic_and_does_not_use_the_global_generator():
    crop = CropResize(64, p_interval=(0.5, 1))
    np.random.seed(0)
    expected = np.random.rand()
    np.random.seed(0)
    clips = [crop({'keypoint': walk(200), 'test_mode': True})['keypoint'] for _ in range(2)]
    assert np.array_equal(*clips) and np.random.rand() == expected
    assert not np.array_equal(clips[0], crop({'keypoint': walk(200)})['keypoint'])


@pytest.mark.parametrize('dtype', [np.float16, np.float64])
def test_any_float_becomes_float32(dtype):
    assert CropResize(64)({'keypoint': walk(9).astype(dtype)})['keypoint'].dtype == np.float32


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'clip_len': 0}, 'CropResize clip_len must be an integer of at least 1, got 0'),
        ({'min_frames': 1.5}, 'CropResize min_frames must be an integer of at least 1, got 1.5'),
        ({'p_interval': 0}, 'CropResize p_interval must be a fraction or'),
        ({'p_interval': (1, 0.5)}, 'CropResize p_interval must be a fraction or'),
        ({'p_interval': (0.1, 0.2, 0.3)}, 'CropResize p_interval must be a fraction or'),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CropResize(**{'clip_len': 64, **arguments})


def test_a_score_beside_the_joints_is_refused():
    sample = {'keypoint': walk(4), 'keypoint_score': np.ones((1, 4, 1)), 'frame_dir': 'clip'}
    with pytest.raises(ValueError, match=r"sample 'clip' has keypoint .* and keypoint_score; put GenSkeFeat before it"):
        CropResize(64)(sample)
    with pytest.raises(ValueError, match='has no frames'):
        CropResize(64)({'keypoint': np.zeros((1, 0, 5, 3))})
