"""CTR-GCN's preparation of NW-UCLA: rotate by whole degrees, fill the box [-1, 1], sample frames and sort them.

Source: the feeder of NW-UCLA in CTR-GCN, https://github.com/Uason-Chen/CTR-GCN, which InfoGCN shares. It also moves
the spine of the first frame to the origin and scales by a random factor; filling the box cancels both.
"""

import math

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.float16 import to_float32
from pyskl.datasets.pipelines.normalize import filled_frames
from pyskl.registry import TRANSFORMS


def rotation_about_y_then_x(about_x: float, about_y: float) -> np.ndarray:
    """Rotation matrix ``(3, 3)`` for row vectors, ``x @ rotation``; angles in radians."""
    cos_x, sin_x, cos_y, sin_y = math.cos(about_x), math.sin(about_x), math.cos(about_y), math.sin(about_y)
    turn_x = np.array([[1, 0, 0], [0, cos_x, sin_x], [0, -sin_x, cos_x]])
    turn_y = np.array([[cos_y, 0, -sin_y], [0, 1, 0], [sin_y, 0, cos_y]])
    return turn_y @ turn_x


def fill_box(keypoint: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """Map each coordinate's range [minimum, maximum] over the clip to [-1, 1]; ``(M, T, V, C)`` -> same.

    Args:
        keypoint: Floats.
        filled: ``(M, T)`` bool: frames to use; the others become 0, as does a constant coordinate.
    """
    out = np.zeros_like(keypoint)
    frames = keypoint[filled]  # (frames, V, C)
    if not len(frames):
        return out
    low, high = frames.min((0, 1)), frames.max((0, 1))
    size = high - low
    flat = size == 0
    out[filled] = np.where(flat, 0, (frames - low) / np.where(flat, 1, size) * 2 - 1)
    return out


def sorted_sample(num_frames: int, clip_len: int, random) -> np.ndarray:
    """Sample ``(L,)`` sorted frame indices without replacement from 100 copies of ``0 .. num_frames - 1``."""
    copies = max(100, -(-clip_len // num_frames))  # more copies if 100 do not fill a clip
    return np.sort(random.permutation(copies * num_frames)[:clip_len] % num_frames)


def spread_frames(num_frames: int, clip_len: int) -> np.ndarray:
    """Return ``(L,)`` frame indices in equal steps from the first to the last frame, rounded down."""
    return np.floor(np.linspace(0, num_frames - 1, clip_len)).astype(np.int64)


@TRANSFORMS.register_module()
class RotateWholeDegrees(BaseTransform):
    """Rotate the sample about the vertical (y), then about x, by whole degrees, uniform in ``[-limit, limit]``.

    Required Keys: keypoint ``(M, T, V, 3)``
    Modified Keys: keypoint (float32)

    Args:
        limit: Maximum angle, degrees.

    Raises:
        ValueError: If ``limit`` is not an integer >= 0, or a sample is not 3D.
    """

    def __init__(self, limit: int = 60) -> None:
        if not isinstance(limit, int) or limit < 0:
            raise ValueError(f'RotateWholeDegrees limit must be an integer of at least 0 (degrees), got {limit!r}')
        self.limit = limit

    def transform(self, results: dict) -> dict:
        keypoint = to_float32(results['keypoint'])
        if keypoint.shape[-1] != 3 or 'keypoint_score' in results:
            raise ValueError(
                f'RotateWholeDegrees expects 3D joints (M, T, V, 3) without a score, but sample '
                f'{sample_name(results)} has keypoint {keypoint.shape}; use RandomRot for 2D joints'
            )
        about_x, about_y = np.random.randint(-self.limit, self.limit + 1, 2).tolist()
        rotation = rotation_about_y_then_x(math.radians(about_x), math.radians(about_y)).astype(np.float32)
        results['keypoint'] = (keypoint.reshape(-1, 3) @ rotation).reshape(keypoint.shape)
        results['coord_dims'] = 3
        return results


@TRANSFORMS.register_module()
class FillBox(BaseTransform):
    """Scale each coordinate of the clip to [-1, 1]; aspect ratios are lost.

    A person's all-zero frames are empty: they are ignored and stay 0.

    Required Keys: keypoint ``(M, T, V, C)``
    Modified Keys: keypoint (float32)

    Raises:
        ValueError: If a sample has a score, which is not a coordinate.
    """

    once_a_clip = True

    def transform(self, results: dict) -> dict:
        keypoint = to_float32(results['keypoint'])
        if 'keypoint_score' in results or results.get('coord_dims', keypoint.shape[-1]) != keypoint.shape[-1]:
            raise ValueError(
                f'FillBox expects joints without a score, but sample {sample_name(results)} has keypoint '
                f'{keypoint.shape} and a score'
            )
        results['keypoint'] = fill_box(keypoint, filled_frames(keypoint))
        return results


@TRANSFORMS.register_module()
class SampleSorted(BaseTransform):
    """Bring the clip to ``clip_len`` frames: sampled and sorted in training, in equal steps in test mode.

    Frames may repeat, the more so the shorter the clip.

    Required Keys: keypoint ``(M, T, V, C)``, test_mode (optional)
    Modified Keys: keypoint, total_frames
    Added Keys: clip_len, num_clips (1), frame_interval

    Args:
        clip_len: Number of output frames.

    Raises:
        ValueError: If ``clip_len`` is not a positive integer, or a sample has a score or no frames.
    """

    def __init__(self, clip_len: int = 52) -> None:
        if not isinstance(clip_len, int) or clip_len < 1:
            raise ValueError(f'SampleSorted clip_len must be an integer of at least 1, got {clip_len!r}')
        self.clip_len = clip_len

    def transform(self, results: dict) -> dict:
        keypoint = results['keypoint']
        if 'keypoint_score' in results:
            raise ValueError(
                f'SampleSorted expects joints without a score, but sample {sample_name(results)} has keypoint_score; '
                f'put GenSkeFeat before it'
            )
        num_frames = keypoint.shape[1]
        if num_frames < 1:
            raise ValueError(f'sample {sample_name(results)} has no frames: keypoint (M, T, V, C) {keypoint.shape}')
        if results.get('test_mode'):
            inds = spread_frames(num_frames, self.clip_len)
        else:
            inds = sorted_sample(num_frames, self.clip_len, np.random)
        results['keypoint'] = to_float32(keypoint.take(inds, axis=1))
        results.update(total_frames=self.clip_len, clip_len=self.clip_len, num_clips=1, frame_interval=None)
        return results
