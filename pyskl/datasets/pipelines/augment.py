"""Random augmentation of the joints in training.

Convention: only coordinates change; a score channel is never rotated, scaled or noised. Random numbers are
consumed as in PYSKL, with two of its bugs fixed: the range of the 2D angle, and the score treated as a coordinate.
"""

import math
from collections.abc import Sequence

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, coordinate_channels, sample_name
from pyskl.datasets.pipelines.float16 import widen
from pyskl.datasets.records.checks import JOINTS
from pyskl.registry import TRANSFORMS

EMPTY = 1e-4  # squared distance from the origin below which a frame's box counts as empty


def rotation_matrix(angles: Sequence[float]) -> np.ndarray:
    """Rotation matrix: ``(2, 2)`` for one angle, ``(3, 3)`` for three angles about x, then y, then z; radians.

    Convention: PYSKL's; a positive angle about an axis turns clockwise in 3D, counter-clockwise in 2D.
    """
    if len(angles) == 1:
        cos, sin = math.cos(angles[0]), math.sin(angles[0])
        return np.array([[cos, -sin], [sin, cos]])
    (ca, cb, cc), (sa, sb, sc) = map(math.cos, angles), map(math.sin, angles)
    about_x = np.array([[1, 0, 0], [0, ca, sa], [0, -sa, ca]])
    about_y = np.array([[cb, 0, -sb], [0, 1, 0], [sb, 0, cb]])
    about_z = np.array([[cc, sc, 0], [-sc, cc, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def _coordinates(results: dict, name: str) -> tuple[np.ndarray, int]:
    """Return ``keypoint`` as float32 or wider, and its number of coordinate channels (2 or 3)."""
    keypoint, dims = results['keypoint'], coordinate_channels(results)
    if dims not in (2, 3) or keypoint.shape[-1] not in (dims, dims + 1):
        raise ValueError(
            f'{name} expects joints of 2 or 3 coordinates with at most a score, but sample {sample_name(results)} has '
            f'keypoint {keypoint.shape}; put it before GenSkeFeat'
        )
    return widen(keypoint), dims


@TRANSFORMS.register_module()
class RandomRot(BaseTransform):
    """Rotate the whole sample by random angles in ``[-theta, theta]``: one in 2D, one per axis in 3D.

    Required Keys: keypoint, coord_dims (optional)
    Modified Keys: keypoint

    Args:
        theta: Maximum angle, radians; in 3D optionally one per axis (x, y, z).
    """

    changes = (JOINTS,)

    def __init__(self, theta: float | Sequence[float] = 0.3) -> None:
        angles = (theta,) if isinstance(theta, int | float) else tuple(theta)
        if len(angles) not in (1, 3) or any(not isinstance(a, int | float) or a < 0 for a in angles):
            raise ValueError(f'RandomRot theta must be one angle of at least 0, or three, got {theta!r}')
        self.theta = np.array(angles, dtype=np.float64)

    def transform(self, results: dict) -> dict:
        keypoint, dims = _coordinates(results, 'RandomRot')
        if keypoint.any():
            matrix = np.eye(keypoint.shape[-1], dtype=keypoint.dtype)
            if dims == 2 and len(self.theta) == 3:
                raise ValueError(f'RandomRot theta has one angle per axis, but sample {sample_name(results)} is 2D')
            angles = np.random.uniform(-self.theta, self.theta, 1 if dims == 2 else 3)
            matrix[:dims, :dims] = rotation_matrix(angles.tolist())
            results['keypoint'] = (keypoint.reshape(-1, len(matrix)) @ matrix.T).reshape(keypoint.shape)
        return results


@TRANSFORMS.register_module()
class RandomScale(BaseTransform):
    """Multiply each coordinate of the whole sample by ``1 + u * scale``, ``u`` in [-1, 1].

    Required Keys: keypoint, coord_dims (optional)
    Modified Keys: keypoint

    Args:
        scale: One number for all coordinates, or one per coordinate.
    """

    changes = (JOINTS,)

    def __init__(self, scale: float | Sequence[float] = 0.2) -> None:
        self.scale = scale if isinstance(scale, int | float) else tuple(scale)

    def transform(self, results: dict) -> dict:
        keypoint, dims = _coordinates(results, 'RandomScale')
        channels = keypoint.shape[-1]
        scale = (self.scale,) * dims if isinstance(self.scale, int | float) else self.scale
        if len(scale) not in (dims, channels):
            raise ValueError(
                f'RandomScale scale={self.scale!r} has {len(scale)} numbers, but sample {sample_name(results)} has '
                f'{dims} coordinates'
            )
        factor = np.ones(channels, keypoint.dtype)
        factor[:dims] = 1 + np.random.uniform(-1, 1, channels)[:dims] * scale[:dims]
        # Flatten all joints: arithmetic on a last axis of size three is several times slower.
        row = factor[None].repeat(keypoint.shape[2], 0).ravel()
        results['keypoint'] = (keypoint.reshape(*keypoint.shape[:2], -1) * row).reshape(keypoint.shape)
        return results


@TRANSFORMS.register_module()
class RandomGaussianNoise(BaseTransform):
    """Shift every joint in a random direction by a normally distributed distance times the skeleton's extent.

    Required Keys: keypoint, coord_dims (optional)
    Modified Keys: keypoint

    Args:
        sigma: Standard deviation, as a fraction of the extent (the diagonal of the joints' bounding box).
        base: Where the extent is measured: each 'frame', or the whole 'video'.
        shared: Whether to use one shift per joint for all frames; requires ``base='video'``.
    """

    changes = (JOINTS,)

    def __init__(self, sigma: float = 0.01, base: str = 'frame', shared: bool = False) -> None:
        if base not in ('frame', 'video') or (shared and base != 'video'):
            raise ValueError(
                f"RandomGaussianNoise base must be 'frame' or 'video', and 'video' when shared, got base={base!r}, "
                f'shared={shared}'
            )
        self.sigma = sigma
        self.base = base
        self.shared = shared

    def transform(self, results: dict) -> dict:
        keypoint, dims = _coordinates(results, 'RandomGaussianNoise')
        num_persons, num_frames, num_joints, _ = keypoint.shape
        frames = keypoint[..., :dims].reshape(-1, num_joints, dims)  # (M * T, V, dims)
        extent = self._extent(frames)
        if not extent.any() and self.base == 'video':
            return results
        count = 1 if self.shared else len(frames)
        size = np.random.randn(count, num_joints) * self.sigma  # (1 or M * T, V)
        push = np.random.uniform(-1, 1, (dims, count * num_joints))
        push /= np.linalg.norm(push, axis=0)
        push = push.T.reshape(count, num_joints, dims) * (size * extent[:, None])[..., None]
        out = keypoint.copy()
        out[..., :dims] += push.reshape(num_persons, num_frames, num_joints, dims).astype(out.dtype)
        results['keypoint'] = out
        return results

    def _extent(self, frames: np.ndarray) -> np.ndarray:
        """``(M * T, V, dims)`` -> ``(M * T,)``: the diagonal; 0 where the frame is empty."""
        low, high = frames.min(1), frames.max(1)
        filled = (low**2).sum(1) > EMPTY
        if self.base == 'frame':
            return np.linalg.norm(high - low, axis=1) * filled
        if not filled.any():
            return np.zeros(len(frames))
        return np.linalg.norm(high[filled].max(0) - low[filled].min(0)) * filled
