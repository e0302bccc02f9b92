"""Crop the clip in time and resize the crop to a fixed number of frames.

Source: CTR-GCN, https://github.com/Uason-Chen/CTR-GCN, and InfoGCN, https://github.com/stnoah1/infogcn, whose feeders
share it. Frames are interpolated; :mod:`pyskl.datasets.pipelines.sampling` selects existing frames.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.float16 import to_float32
from pyskl.datasets.records.checks import FRAMES
from pyskl.registry import TRANSFORMS


@lru_cache(maxsize=1024)
def _neighbours(num_frames: int, clip_len: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Previous frame, next frame and interpolation weight (0 to 1) of each output frame, ``(L,)`` each; cached."""
    place = ((np.arange(clip_len) + 0.5) * (num_frames / clip_len) - 0.5).clip(0, num_frames - 1)
    before = place.astype(np.int64)
    return before, np.minimum(before + 1, num_frames - 1), (place - before).astype(np.float32)


def stretch(keypoint: np.ndarray, clip_len: int) -> np.ndarray:
    """Interpolate ``(M, T, V, C)`` float32 linearly to ``(M, L, V, C)``.

    Frames are sampled at half-pixel centres (``align_corners=False``): ``clip_len`` equal to T is the identity, half of
    T averages pairs.
    """
    before, after, share = _neighbours(keypoint.shape[1], clip_len)
    flat = keypoint.reshape(*keypoint.shape[:2], -1)  # flattened: arithmetic on a last axis of size three is slow
    first = flat.take(before, axis=1)
    step = flat.take(after, axis=1)
    step -= first
    step *= share[:, None]
    first += step
    return first.reshape(keypoint.shape[0], clip_len, *keypoint.shape[2:])


def centre_part(num_frames: int, share: float) -> tuple[int, int]:
    """Return the first frame and the length of the central ``share`` of a clip."""
    cut = int((1 - share) * num_frames / 2)
    return cut, num_frames - 2 * cut


def random_part(num_frames: int, interval: Sequence[float], least: int, random) -> tuple[int, int]:
    """Sample a crop: first frame and length, a share from ``interval`` but at least ``least`` frames if available."""
    low, high = interval
    share = random.rand() * (high - low) + low
    length = min(max(int(num_frames * share), least), num_frames)
    return random.randint(num_frames - length + 1), length


@TRANSFORMS.register_module()
class CropResize(BaseTransform):
    """Crop the clip in time and resize the crop to ``clip_len`` frames: CTR-GCN's and InfoGCN's ``valid_crop_resize``.

    Empty frames (all joints exactly 0) are padding: if n frames are not empty, the first n frames are used.

    Required Keys: keypoint, test_mode (optional)
    Modified Keys: keypoint (float32), total_frames
    Added Keys: clip_len, num_clips (1), frame_interval

    Args:
        clip_len: Number of output frames.
        p_interval: One number: the central crop of that share. Two: a random share between them, at a random position.
        min_frames: Minimum length of a random crop, or all frames if there are fewer.
        seed: Seed of the generator in test mode.

    Raises:
        ValueError: If an argument is out of range, or a sample has a score.
    """

    changes = (FRAMES,)

    def __init__(
        self, clip_len: int, p_interval: float | Sequence[float] = 0.95, min_frames: int = 64, seed: int = 255
    ) -> None:
        for name, value in (('clip_len', clip_len), ('min_frames', min_frames)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'CropResize {name} must be an integer of at least 1, got {value!r}')
        interval = (p_interval,) if isinstance(p_interval, int | float) else tuple(p_interval)
        if len(interval) not in (1, 2) or not 0 < interval[0] <= interval[-1] <= 1:
            raise ValueError(
                f'CropResize p_interval must be a fraction or (minimum, maximum) in (0, 1], got {p_interval!r}'
            )
        self.clip_len = clip_len
        self.p_interval = interval
        self.min_frames = min_frames
        self.seed = seed

    def transform(self, results: dict) -> dict:
        keypoint = to_float32(results['keypoint'])
        if 'keypoint_score' in results:
            raise ValueError(
                f'CropResize expects joints without a score, but sample {sample_name(results)} has keypoint '
                f'{keypoint.shape} and keypoint_score; put GenSkeFeat before it'
            )
        if keypoint.shape[1] < 1:
            raise ValueError(f'sample {sample_name(results)} has no frames: keypoint (M, T, V, C) {keypoint.shape}')
        num_frames = int(keypoint.any(axis=(0, 2, 3)).sum()) or keypoint.shape[1]
        if len(self.p_interval) == 1:
            first, length = centre_part(num_frames, self.p_interval[0])
        else:
            random = np.random.RandomState(self.seed) if results.get('test_mode') else np.random
            first, length = random_part(num_frames, self.p_interval, self.min_frames, random)
        results['keypoint'] = stretch(keypoint[:, first : first + length], self.clip_len)
        results.update(total_frames=self.clip_len, clip_len=self.clip_len, num_clips=1, frame_interval=None)
        return results
