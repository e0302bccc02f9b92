"""Normalise coordinates: relative to the image in 2D, to the body in 3D.

Convention: ``img_shape`` is (height, width) in pixels; x grows to the right, y downwards; angles are radians.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.float16 import shift_and_scale, to_float32
from pyskl.datasets.pipelines.streams import append_score, joint_pairs
from pyskl.datasets.records.checks import JOINTS, Check, image_checks, score_checks
from pyskl.registry import TRANSFORMS
from pyskl.skeletons import get_skeleton

BOX_MIN = 10  # px: mode 'auto' ignores a smaller box, so that coordinates already in [0, 1] do not change
ZERO = 1e-8  # a frame whose coordinates all have at most this absolute value is empty
NTU_ORIGIN, NTU_JOINTS = get_skeleton('nturgb+d').origin, get_skeleton('nturgb+d').num_joints


@lru_cache(maxsize=256)
def _shift_and_scale(img_shape: tuple[int, int], num_joints: int, channels: int, dtype: np.dtype) -> np.ndarray:
    """Shift and scale ``(2, V * C)`` of the flattened joints' channels.

    Joints are flattened because arithmetic on a last axis of size two or three is several times slower.
    """
    half = [img_shape[1] / 2, img_shape[0] / 2]
    rows = np.array([[*half, 0.0], [*half, 1.0]])[:, :channels]
    return np.tile(rows, num_joints).astype(dtype)


def center_on_image(keypoint: np.ndarray, img_shape: Sequence[int]) -> np.ndarray:
    """Map ``(..., V, C)`` pixels to [-1, 1]: ``(x - w / 2) / (w / 2)``; a third channel, the score, is unchanged.

    Computed in the dtype of ``keypoint``, which rounds twice.
    """
    joints, channels = keypoint.shape[-2:]
    shift, scale = _shift_and_scale(tuple(img_shape), joints, channels, keypoint.dtype)
    return shift_and_scale(keypoint.reshape(-1, joints * channels), shift, scale).reshape(keypoint.shape)


def to_float32_together(keypoint: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Concatenate both as float32 with a single copy."""
    flat = to_float32(np.concatenate((keypoint.reshape(-1), score.reshape(-1))))
    return flat[: keypoint.size].reshape(keypoint.shape), flat[keypoint.size :].reshape(score.shape)


def center_on_box(xy: np.ndarray, present: np.ndarray | None) -> np.ndarray:
    """Map the box of all ``present`` joints to [-1, 1] if it is wider and higher than ``BOX_MIN``; ``(M, T, V, 2)``."""
    seen = xy.reshape(-1, 2) if present is None else xy[present]
    if len(seen) == 0:
        return xy
    low, high = seen.min(0), seen.max(0)
    if not (high - low > BOX_MIN).all():
        return xy
    return (xy - (high + low) / 2) / (high - low) * 2


def zero_joints(keypoint: np.ndarray, absent: np.ndarray) -> None:
    """Set (x, y) of float32 ``(..., C)`` to 0 in place where ``absent`` ``(...)``."""
    if keypoint.shape[-1] == 2:  # bitwise mask of all or no bits per joint: a masked copy of short runs is far slower
        bits = keypoint.view(np.int64)[..., 0]
        bits &= absent.astype(np.int64) - 1
    else:
        np.copyto(joint_pairs(keypoint), 0, where=absent)


@TRANSFORMS.register_module()
class PreNormalize2D(BaseTransform):
    """Scale pixels to [-1, 1]; undetected joints become (0, 0).

    With a threshold, as PYSKL since 2023-02: float32, and the score becomes the third channel. ``threshold=None`` is
    PYSKL before that date, MMAction2 and Ske2Grid: nothing is masked (a missing joint lands on (-1, -1)), arithmetic
    stays in the stored dtype (float16), and the score stays in ``keypoint_score`` for ``GenSkeFeat`` to append.

    Required Keys: keypoint, keypoint_score (optional), img_shape (optional)
    Modified Keys: keypoint, keypoint_score
    Added Keys: coord_dims

    Args:
        img_shape: (height, width) for records without their own.
        threshold: Joints with at most this score are masked; None disables masking.
        mode: 'fix' scales by the image size, 'auto' by the bounding box of all joints.
        allow_3d: Whether to accept 3D joints and scale their x and y, as MMAction2 does.

    Raises:
        ValueError: If ``mode`` or ``threshold`` is not one of these, or a sample is not 2D.
    """

    once_a_clip = True
    changes = (JOINTS,)

    def __init__(
        self,
        img_shape: Sequence[int] = (1080, 1920),
        threshold: float | None = 0.01,
        mode: str = 'fix',
        allow_3d: bool = False,
    ) -> None:
        if mode not in ('fix', 'auto'):
            raise ValueError(f"PreNormalize2D mode must be 'fix' or 'auto', got {mode!r}")
        if threshold is not None and not isinstance(threshold, int | float):
            raise ValueError(f'PreNormalize2D threshold must be a number or None, got {threshold!r}')
        if len(img_shape) != 2 or min(img_shape) <= 0:
            raise ValueError(f'PreNormalize2D img_shape must be (height, width), got {img_shape!r}')
        self.img_shape = tuple(img_shape)
        self.threshold = threshold
        self.mode = mode
        self.allow_3d = allow_3d

    def checks(self) -> list[Check]:
        return score_checks() + (image_checks(self.img_shape) if self.mode == 'fix' else [])

    def transform(self, results: dict) -> dict:
        keypoint, score = results['keypoint'], results.get('keypoint_score')
        if self.allow_3d and score is None and keypoint.shape[-1] == 3:
            results['keypoint'] = self._scale(keypoint, None, results)
            return results
        self._check(results)
        results['coord_dims'] = 2
        if self.threshold is None:
            results['keypoint'] = self._scale(keypoint, None, results)
            return results
        if score is not None:
            keypoint, score = to_float32_together(keypoint, score)
            del results['keypoint_score']
        else:
            keypoint = to_float32(keypoint)
            score = keypoint[..., 2] if keypoint.shape[-1] == 3 else None
        absent = None if score is None else score <= self.threshold
        keypoint = self._scale(keypoint, absent, results)
        if absent is not None:
            zero_joints(keypoint, absent)
        if keypoint.shape[-1] == 2 and score is not None:
            keypoint = append_score(keypoint, score)
        results['keypoint'] = keypoint
        return results

    def _check(self, results: dict) -> None:
        keypoint, has_score = results['keypoint'], 'keypoint_score' in results
        if keypoint.shape[-1] == 2:
            return
        if keypoint.shape[-1] == 3 and not has_score:
            third = keypoint[..., 2]
            # Scores lie in [0, 1], or slightly above for some detectors; depths in metres exceed that range.
            if results.get('coord_dims') == 2 or (third.min() >= 0 and third.max() <= 2):
                return
        raise ValueError(
            f'PreNormalize2D expects 2D joints (M, T, V, 2) with or without a score, but sample '
            f'{sample_name(results)} has keypoint {keypoint.shape} {"and" if has_score else "without"} '
            f'keypoint_score; use PreNormalize3D for 3D data'
        )

    def _scale(self, keypoint: np.ndarray, absent: np.ndarray | None, results: dict) -> np.ndarray:
        """Return a new array ``(M, T, V, C)``, scaled but not masked."""
        if self.mode == 'fix':
            return center_on_image(keypoint, results.get('img_shape', self.img_shape))
        out = keypoint.copy()
        out[..., :2] = center_on_box(keypoint[..., :2], None if absent is None else ~absent)
        return out


def turn(vector: Sequence[float], onto: int) -> np.ndarray:
    """Rotation ``(3, 3)`` that maps the direction of ``vector`` to axis ``onto`` (0: x, 1: y, 2: z).

    The identity for a zero vector, or one already parallel to the axis in either direction.
    """
    first, second = (onto + 1) % 3, (onto + 2) % 3
    along, a, b = (float(vector[axis]) for axis in (onto, first, second))
    norm = math.sqrt(along * along + a * a + b * b)
    if abs(along) + abs(a) + abs(b) < 1e-6 or abs(a) + abs(b) < 1e-6:
        return np.eye(3)
    cos = min(1.0, max(-1.0, along / norm))
    if math.acos(cos) < 1e-6:
        return np.eye(3)
    # Rodrigues' formula about vector x axis, whose part along the axis is 0.
    u, v = b / norm, -a / norm
    factor = (1 - cos) / (u * u + v * v)
    rotation = np.empty((3, 3))
    rotation[first, first], rotation[first, second], rotation[first, onto] = cos + factor * u * u, factor * u * v, v
    rotation[second, first], rotation[second, second], rotation[second, onto] = factor * u * v, cos + factor * v * v, -u
    rotation[onto, first], rotation[onto, second], rotation[onto, onto] = -v, u, cos
    return rotation


def filled_frames(keypoint: np.ndarray) -> np.ndarray:
    """Mark the non-empty frames of each person; ``(M, T, V, C)`` -> ``(M, T)`` bool."""
    flat = keypoint.reshape(*keypoint.shape[:2], -1)
    filled = np.abs(flat[..., 0]) > ZERO  # decides nearly every non-empty frame
    if not filled.all():
        rest = ~filled
        filled[rest] = (np.abs(flat[rest]) > ZERO).any(1)
    return filled


def longest_seen_first(filled: np.ndarray) -> list[int]:
    """Order of persons by their number of non-empty frames, ``(M, T)`` bool; ties stay in place."""
    counts = filled.sum(1).tolist()
    return sorted(range(len(counts)), key=lambda person: -counts[person])


def subtract_center(keypoint: np.ndarray, center: np.ndarray, filled: np.ndarray) -> np.ndarray:
    """Subtract ``center``; a joint at exactly (0, 0, 0) is undetected and stays there.

    Args:
        keypoint: ``(M, T, V, 3)``.
        center: ``(3,)``.
        filled: ``(M, T)`` bool: non-empty frames.
    """
    num_joints = keypoint.shape[2]
    flat = keypoint.reshape(*keypoint.shape[:2], -1)
    moved = flat - center[None].repeat(num_joints, 0).ravel()  # flattened: see _shift_and_scale
    unseen = keypoint[..., 0] == 0
    empty = ~filled
    moved[empty] = 0
    moved = moved.reshape(keypoint.shape)
    if np.count_nonzero(unseen) != np.count_nonzero(empty) * num_joints:  # some joints of filled frames too
        unseen &= (keypoint[..., 1] == 0) & (keypoint[..., 2] == 0)
        moved[unseen] = 0
    return moved


@TRANSFORMS.register_module()
class PreNormalize3D(BaseTransform):
    """Move the person seen longest to index 0 and to the origin, and rotate them to face the camera.

    Frames without that person are dropped; the origin joint of their first frame moves to (0, 0, 0), and their spine is
    rotated to +z, then their shoulders to +x, by one rotation for all persons and frames. The result is float32.

    Required Keys: keypoint ``(M, T, V, 3)``
    Modified Keys: keypoint, total_frames
    Added Keys: body_center (original position of the origin), coord_dims

    Args:
        zaxis: (from, to): the spine; default the skeleton's.
        xaxis: (to, from): the shoulders; default the skeleton's.
        align_spine: Whether to rotate.
        align_center: Whether to move.
        dataset: The skeleton that defines origin, spine and shoulders. None: NTU's axes and PYSKL's rule for the
            origin, which is NTU's origin for 25 joints and else the last joint.

    Raises:
        ValueError: If the skeleton has no spine or shoulders, or a sample is not 3D.
    """

    once_a_clip = True

    def __init__(
        self,
        zaxis: Sequence[int] | None = None,
        xaxis: Sequence[int] | None = None,
        align_spine: bool = True,
        align_center: bool = True,
        dataset: str | dict | None = None,
    ) -> None:
        self._skeleton = None if dataset is None else get_skeleton(dataset)
        skeleton = self._skeleton or get_skeleton('nturgb+d')
        self.zaxis = tuple(zaxis or skeleton.spine or ())
        self.xaxis = tuple(xaxis or skeleton.shoulders or ())
        self.align_spine = align_spine
        self.align_center = align_center
        for name, pair in (('zaxis', self.zaxis), ('xaxis', self.xaxis)):
            if align_spine and len(pair) != 2:
                raise ValueError(
                    f'PreNormalize3D {name} must be two joints, got {pair or None}; skeleton {skeleton.name!r} defines '
                    f'none: set {name}, or align_spine=False'
                )

    def transform(self, results: dict) -> dict:
        self._check(results)
        keypoint = results['keypoint'] = to_float32(results['keypoint'])
        results['coord_dims'] = 3
        filled = filled_frames(keypoint)
        if not filled.any():
            return results
        order = longest_seen_first(filled)
        if order != list(range(len(order))):
            keypoint, filled = keypoint[order], filled[order]
        if not filled[0].all():
            keypoint, filled = keypoint[:, filled[0]], filled[:, filled[0]]
        results['total_frames'] = keypoint.shape[1]
        first = keypoint[0, 0].copy()  # (V, 3)
        if self.align_center:
            center = results['body_center'] = first[self._origin(len(first))].copy()
            keypoint = subtract_center(keypoint, center, filled)
            first = keypoint[0, 0]
        if self.align_spine:
            rotation = self._rotation(first).T.astype(keypoint.dtype)
            keypoint = (keypoint.reshape(-1, 3) @ rotation).reshape(keypoint.shape)
        results['keypoint'] = keypoint
        return results

    def _check(self, results: dict) -> None:
        keypoint = results['keypoint']
        if keypoint.shape[-1] != 3 or 'keypoint_score' in results or results.get('coord_dims') == 2:
            raise ValueError(
                f'PreNormalize3D expects 3D joints (M, T, V, 3) without a score, but sample {sample_name(results)} has '
                f'keypoint {keypoint.shape} {"and" if "keypoint_score" in results else "without"} keypoint_score; '
                f'use PreNormalize2D for 2D data'
            )
        joints, needed = keypoint.shape[2], max((*self.zaxis, *self.xaxis), default=0) + 1
        if self._skeleton is not None and joints != self._skeleton.num_joints:
            needed = self._skeleton.num_joints
        elif not self.align_spine or joints >= needed:
            return
        raise ValueError(
            f'PreNormalize3D (dataset, zaxis, xaxis) needs {needed} joints, but sample {sample_name(results)} has '
            f'keypoint {keypoint.shape}'
        )

    def _origin(self, num_joints: int) -> int:
        if self._skeleton is not None:
            return self._skeleton.origin
        return NTU_ORIGIN if num_joints == NTU_JOINTS else num_joints - 1

    def _rotation(self, first: np.ndarray) -> np.ndarray:
        """Rotation ``(3, 3)`` from the main person's first frame ``(V, 3)``, already centred."""
        upright = turn(first[self.zaxis[1]] - first[self.zaxis[0]], onto=2)
        return turn(upright @ (first[self.xaxis[0]] - first[self.xaxis[1]]), onto=0) @ upright
