"""Coordinates into a frame of reference: the picture's in 2D, the body's in 3D.

Convention: ``img_shape`` is (height, width) in pixels; x grows to the right, y downwards; angles are radians.
"""

import math
from collections.abc import Sequence

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.half import narrow, widen
from pyskl.registry import TRANSFORMS
from pyskl.skeletons import get_skeleton

BOX_MIN = 10  # px: mode 'auto' leaves a smaller box alone, so that coordinates already in [0, 1] stay
ZERO = 1e-8  # |coordinate| up to which a frame counts as empty
NTU_ORIGIN, NTU_JOINTS = get_skeleton('nturgb+d').origin, get_skeleton('nturgb+d').num_joints


def center_on_picture(xy: np.ndarray, img_shape: Sequence[int]) -> np.ndarray:
    """``(..., 2)`` pixels -> [-1, 1]: ``(x - w / 2) / (w / 2)``, in the dtype of ``xy``, which rounds twice."""
    half = np.array([img_shape[1] / 2, img_shape[0] / 2], xy.dtype).astype(np.float32)
    half = np.tile(half, xy.shape[-2])  # a long last axis: arithmetic on one of length 2 is several times slower
    flat = widen(xy).reshape(*xy.shape[:-2], -1)
    flat = narrow(flat - half, xy.dtype)
    return narrow(np.divide(widen(flat), half, dtype=np.float32), xy.dtype).reshape(xy.shape)


def center_on_box(xy: np.ndarray, present: np.ndarray | None) -> np.ndarray:
    """``(M, T, V, 2)`` -> [-1, 1] of the box of all ``present`` joints, if it is wider and higher than ``BOX_MIN``."""
    seen = xy.reshape(-1, 2) if present is None else xy[present]
    if len(seen) == 0:
        return xy
    low, high = seen.min(0), seen.max(0)
    if not (high - low > BOX_MIN).all():
        return xy
    return (xy - (high + low) / 2) / (high - low) * 2


@TRANSFORMS.register_module()
class PreNormalize2D(BaseTransform):
    """Pixels to [-1, 1]; a joint that was not seen goes to (0, 0).

    With a threshold, as PYSKL since 2023-02: float32, and the score becomes the third channel. ``threshold=None`` is
    PYSKL before that date, MMAction2 and Ske2Grid: nothing is masked (a missing joint lands on (-1, -1)), arithmetic
    stays in the stored dtype (float16), and the score stays in ``keypoint_score`` for ``GenSkeFeat`` to append.

    Required Keys: keypoint, keypoint_score (optional), img_shape (optional)
    Modified Keys: keypoint, keypoint_score
    Added Keys: coord_dims

    Args:
        img_shape: (height, width) of records that hold none.
        threshold: Joints of at most this score are masked; None masks none.
        mode: 'fix' scales by the picture, 'auto' by the box around all joints.

    Raises:
        ValueError: If ``mode`` or ``threshold`` is not one of these, or a sample is not 2D.
    """

    def __init__(
        self, img_shape: Sequence[int] = (1080, 1920), threshold: float | None = 0.01, mode: str = 'fix'
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

    def transform(self, results: dict) -> dict:
        keypoint, score = self._split(results)
        results['coord_dims'] = 2
        if self.threshold is None:
            results['keypoint'] = self._scale(keypoint, None, results)
            if score is not None:
                results['keypoint_score'] = score
            return results
        keypoint = keypoint.astype(np.float32)
        if score is None:
            results['keypoint'] = self._scale(keypoint, None, results)
            return results
        score = score.astype(np.float32)
        absent = score <= self.threshold
        xy = self._scale(keypoint, absent, results)
        out = np.empty((*score.shape, 3), np.float32)
        # Channel by channel: a copy of two floats at a time is several times slower.
        out[..., 0] = xy[..., 0]
        out[..., 1] = xy[..., 1]
        out[..., 2] = score
        if absent.any():
            out[absent, :2] = 0
        results.pop('keypoint_score', None)
        results['keypoint'] = out
        return results

    def _split(self, results: dict) -> tuple[np.ndarray, np.ndarray | None]:
        """Coordinates ``(M, T, V, 2)`` and score ``(M, T, V)``, or None, in their stored dtype."""
        keypoint, score = results['keypoint'], results.get('keypoint_score')
        channels = keypoint.shape[-1]
        if channels == 2:
            return keypoint, score
        if channels == 3 and score is None:
            third = keypoint[..., 2]
            # Scores lie in [0, 1], some detectors' a little above; depths in metres leave that range.
            if results.get('coord_dims') == 2 or (third.min() >= 0 and third.max() <= 2):
                return keypoint[..., :2], third
        raise ValueError(
            f'PreNormalize2D takes 2D joints (M, T, V, 2) with or without a score, but sample {sample_name(results)} '
            f'has keypoint {keypoint.shape} {"and" if score is not None else "without"} keypoint_score; 3D data take '
            f'PreNormalize3D'
        )

    def _scale(self, xy: np.ndarray, absent: np.ndarray | None, results: dict) -> np.ndarray:
        if self.mode == 'auto':
            return center_on_box(xy, None if absent is None else ~absent)
        return center_on_picture(xy, results.get('img_shape', self.img_shape))


def turn(vector: Sequence[float], onto: int) -> np.ndarray:
    """The rotation ``(3, 3)`` that turns ``vector`` onto axis ``onto`` (0: x, 1: y, 2: z).

    A vector that is zero, or already along the axis either way, is left alone.
    """
    eye = np.eye(3)
    vector = [float(value) for value in vector]
    norm = math.sqrt(sum(value * value for value in vector))
    a, b = vector[(onto + 1) % 3], vector[(onto + 2) % 3]
    if sum(map(abs, vector)) < 1e-6 or abs(a) + abs(b) < 1e-6:
        return eye
    cos = min(1.0, max(-1.0, vector[onto] / norm))
    if abs(math.acos(cos)) < 1e-6:
        return eye
    sin, length = math.sqrt(1 - cos * cos), math.hypot(a, b)
    axis = [0.0, 0.0, 0.0]  # vector x e: for e = z it is (y, -x, 0)
    axis[(onto + 1) % 3], axis[(onto + 2) % 3] = b / length, -a / length
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return eye + sin * cross + (1 - cos) * (cross @ cross)


def filled_frames(keypoint: np.ndarray) -> np.ndarray:
    """``(M, T, V, C)`` -> ``(M, T)`` bool: which frames of which person hold anything."""
    flat = keypoint.reshape(*keypoint.shape[:2], -1)
    filled = np.abs(flat[..., 0]) > ZERO  # settles nearly every frame of a person who is there
    if not filled.all():
        rest = ~filled
        filled[rest] = (np.abs(flat[rest]) > ZERO).any(1)
    return filled


@TRANSFORMS.register_module()
class PreNormalize3D(BaseTransform):
    """The person seen longest goes first, stands at the origin and faces the camera.

    Frames without that person are dropped; the origin joint of their first frame moves to (0, 0, 0), their spine turns
    onto +z, then their shoulders onto +x, by one rotation for all persons and frames. Result: float32.

    Required Keys: keypoint ``(M, T, V, 3)``
    Modified Keys: keypoint, total_frames
    Added Keys: body_center (where the origin was), coord_dims

    Args:
        zaxis: (from, to): the spine; default the skeleton's.
        xaxis: (to, from): the shoulders; default the skeleton's.
        align_spine: Whether to rotate.
        align_center: Whether to move.
        dataset: The skeleton whose origin, spine and shoulders are meant. None: NTU's axes and PYSKL's rule for the
            origin, which is NTU's for as many joints as NTU has and else the last joint.

    Raises:
        ValueError: If the skeleton has no spine or shoulders, or a sample is not 3D.
    """

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
                    f'PreNormalize3D {name} must be two joints, got {pair or None}; skeleton {skeleton.name!r} names '
                    f'none: give {name}, or align_spine=False'
                )

    def transform(self, results: dict) -> dict:
        self._check(results)
        keypoint = results['keypoint'] = widen(results['keypoint'])
        results['coord_dims'] = 3
        filled = filled_frames(keypoint)
        counts = filled.sum(1)
        if not counts.any():
            return results
        order = np.argsort(-counts, kind='stable')
        if (order[1:] < order[:-1]).any():
            keypoint, filled = keypoint[order], filled[order]
        if not filled[0].all():
            keypoint, filled = keypoint[:, filled[0]], filled[:, filled[0]]
        results['total_frames'] = keypoint.shape[1]
        first = keypoint[0, 0]  # (V, 3)
        center = np.zeros(3, keypoint.dtype)
        if self.align_center:
            center = results['body_center'] = first[self._origin(len(first))].copy()
        if self.align_center or self.align_spine:
            keypoint = self._move(keypoint, center, self._rotation(first - center * (first != 0).any(1)[:, None]))
        results['keypoint'] = keypoint
        return results

    def _check(self, results: dict) -> None:
        keypoint = results['keypoint']
        if keypoint.shape[-1] != 3 or 'keypoint_score' in results or results.get('coord_dims') == 2:
            raise ValueError(
                f'PreNormalize3D takes 3D joints (M, T, V, 3) without a score, but sample {sample_name(results)} has '
                f'keypoint {keypoint.shape} {"and" if "keypoint_score" in results else "without"} keypoint_score; '
                f'2D data take PreNormalize2D'
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

    def _rotation(self, first: np.ndarray) -> np.ndarray | None:
        """The matrix ``(3, 3)`` found on the main person's first frame ``(V, 3)``, already centred."""
        if not self.align_spine:
            return None
        upright = turn(first[self.zaxis[1]] - first[self.zaxis[0]], onto=2)
        return turn(upright @ (first[self.xaxis[0]] - first[self.xaxis[1]]), onto=0) @ upright

    def _move(self, keypoint: np.ndarray, center: np.ndarray, rotation: np.ndarray | None) -> np.ndarray:
        """``R (x - center)``; a joint at exactly (0, 0, 0) was not seen and stays there."""
        moved = keypoint
        if self.align_center:
            flat = keypoint.reshape(*keypoint.shape[:2], -1)
            moved = (flat - np.tile(center, keypoint.shape[2])).reshape(keypoint.shape)
            unseen = keypoint[..., 0] == 0
            if unseen.any():
                unseen &= (keypoint[..., 1] == 0) & (keypoint[..., 2] == 0)
                moved[unseen] = 0
        if rotation is not None:
            moved = (moved.reshape(-1, 3) @ rotation.T.astype(moved.dtype)).reshape(moved.shape)
        return moved
