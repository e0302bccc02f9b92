"""The four streams: joints, bones, and the motion of either.

Convention: a skeleton of two dimensions (``Skeleton.dims``) with three channels holds (x, y, score); the score of a
bone or motion is the mean of the two scores involved.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.float16 import narrow, rounded, widen
from pyskl.datasets.records.checks import JOINTS, Check, layout_check, score_checks
from pyskl.registry import TRANSFORMS
from pyskl.skeletons import Skeleton, get_skeleton

FEATS = ('j', 'b', 'jm', 'bm')


@lru_cache(maxsize=64)
def _parent_columns(parents: tuple[int, ...], channels: int) -> np.ndarray:
    """Indices ``(V * C,)`` of the parents' channels in the flattened joints."""
    return (np.array(parents)[:, None] * channels + np.arange(channels)).ravel()


def bone(keypoint: np.ndarray, parents: Sequence[int], has_score: bool = False) -> np.ndarray:
    """Compute ``x[v] - x[parents[v]]``; ``(M, T, V, C)`` -> float32 of the same shape.

    Args:
        keypoint: Any float dtype; the difference is rounded to it before conversion to float32.
        parents: ``V`` joints.
        has_score: Whether channel 2 is a score, which is averaged.
    """
    persons, frames, joints, channels = keypoint.shape
    # Gather from the flattened joints: gathering three floats at a time is several times slower.
    flat = widen(keypoint).reshape(persons, frames, joints * channels)
    parent = flat.take(_parent_columns(tuple(parents), channels), axis=2)
    out = _difference(flat.reshape(persons, -1), parent.reshape(persons, -1), has_score)
    return rounded(out, keypoint.dtype).reshape(keypoint.shape)


def motion(keypoint: np.ndarray, has_score: bool = False) -> np.ndarray:
    """Compute ``x[t + 1] - x[t]``, last frame zero; ``(M, T, V, C)`` -> same.

    Args:
        keypoint: Any float dtype; the result has the same.
        has_score: Whether channel 2 is a score, which is averaged.
    """
    persons, frames, joints, channels = keypoint.shape
    flat = widen(keypoint).reshape(persons, frames * joints * channels)
    step = joints * channels
    out = np.empty_like(flat)
    out[:, -step:] = 0
    _difference(flat[:, step:], flat[:, :-step], has_score, out[:, :-step])
    return narrow(out, keypoint.dtype).reshape(keypoint.shape)


@lru_cache(maxsize=32)
def _signs(power: int) -> np.ndarray:
    """Factors ``(2, 3 * 2 ** power)`` of (x, y, score) of two arrays: difference, difference, mean."""
    return np.tile(np.array([[1, 1, 0.5], [-1, -1, 0.5]], np.float32), 1 << power)


def _difference(a: np.ndarray, b: np.ndarray, has_score: bool, out: np.ndarray | None = None) -> np.ndarray:
    """Compute ``a - b`` for ``(M, T * V * C)``; if ``has_score``, the mean of every third number.

    A person's numbers are flattened and the factors repeated to match: broadcasting per frame costs more than the sum.
    """
    if not has_score:
        return np.subtract(a, b, out=out)
    length = a.shape[1]
    first, second = _signs((length // 3).bit_length())
    out = np.multiply(a, first[:length], out=out)
    out += b * second[:length]
    return out


def joint_pairs(keypoint: np.ndarray) -> np.ndarray:
    """View ``(..., C)`` float32 as ``(...)`` complex64: (x, y) of each joint as one number.

    Copying one number per joint is several times faster than two.
    """
    return keypoint[..., :2].view(np.complex64)[..., 0]


def append_score(keypoint: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Concatenate ``(M, T, V, C)`` and ``(M, T, V)`` into a new ``(M, T, V, C + 1)``."""
    dtype = keypoint.dtype if keypoint.dtype == score.dtype else np.result_type(keypoint, score)
    out = np.empty((*score.shape, keypoint.shape[-1] + 1), dtype)
    if keypoint.shape[-1] == 2 and keypoint.dtype == dtype == np.float32 and keypoint.strides[-1] == 4:
        joint_pairs(out)[...] = joint_pairs(keypoint)
    else:
        for channel in range(keypoint.shape[-1]):  # copying two numbers at a time is several times slower
            out[..., channel] = keypoint[..., channel]
    out[..., -1] = score
    return out


def _has_score(skeleton: Skeleton, keypoint: np.ndarray) -> bool:
    return skeleton.dims == 2 and keypoint.shape[-1] == 3


def _check_joints(transform: BaseTransform, skeleton: Skeleton, keypoint: np.ndarray, results: dict) -> None:
    if keypoint.shape[2] != skeleton.num_joints:
        raise ValueError(
            f'{type(transform).__name__} dataset={skeleton.name!r} has {skeleton.num_joints} joints, but sample '
            f'{sample_name(results)} has keypoint {keypoint.shape}; set dataset= to the skeleton of the data'
        )


def _checked_motion_score(name: str, motion_score: str) -> str:
    if motion_score not in ('mean', 'difference'):
        raise ValueError(f"{name} motion_score must be 'mean' or 'difference', got {motion_score!r}")
    return motion_score


@TRANSFORMS.register_module()
class JointToBone(BaseTransform):
    """Compute bones from joints.

    Required Keys: keypoint
    Added Keys: ``target``

    Args:
        dataset: The skeleton: a name, or a dict (see :mod:`pyskl.skeletons`).
        target: The key that receives the bones.
    """

    changes = (JOINTS,)

    def __init__(self, dataset: str | dict = 'nturgb+d', target: str = 'keypoint') -> None:
        self.dataset = dataset
        self.target = target
        self._skeleton = get_skeleton(dataset)

    def transform(self, results: dict) -> dict:
        keypoint, skeleton = results['keypoint'], self._skeleton
        _check_joints(self, skeleton, keypoint, results)
        results[self.target] = bone(keypoint, skeleton.bone_parents, _has_score(skeleton, keypoint))
        return results


@TRANSFORMS.register_module()
class ToMotion(BaseTransform):
    """Compute motion from positions.

    Required Keys: ``source``
    Added Keys: ``target``

    Args:
        dataset: The skeleton: a name, or a dict (see :mod:`pyskl.skeletons`).
        source: The key to read.
        target: The key that receives the motion.
        motion_score: 'mean' of both frames' scores, or their 'difference', which PYSKL uses
            for hands by oversight and its hand checkpoints require.

    Raises:
        ValueError: If ``motion_score`` is neither of these.
    """

    changes = (JOINTS,)

    def __init__(
        self,
        dataset: str | dict = 'nturgb+d',
        source: str = 'keypoint',
        target: str = 'motion',
        motion_score: str = 'mean',
    ) -> None:
        self.dataset = dataset
        self.source = source
        self.target = target
        self.motion_score = _checked_motion_score('ToMotion', motion_score)
        self._skeleton = get_skeleton(dataset)

    def transform(self, results: dict) -> dict:
        source = results[self.source]
        _check_joints(self, self._skeleton, source, results)
        has_score = self.motion_score == 'mean' and _has_score(self._skeleton, source)
        results[self.target] = motion(source, has_score)
        return results


@TRANSFORMS.register_module()
class MergeSkeFeat(BaseTransform):
    """Concatenate several arrays.

    Required Keys: those of ``feat_list``
    Added Keys: ``target``

    Args:
        feat_list: Keys, in order.
        target: The key that receives the result.
        axis: The axis to concatenate along.
    """

    changes = (JOINTS,)

    def __init__(self, feat_list: Sequence[str] = ('keypoint',), target: str = 'keypoint', axis: int = -1) -> None:
        self.feat_list = tuple(feat_list)
        self.target = target
        self.axis = axis

    def transform(self, results: dict) -> dict:
        feats = [results[key] for key in self.feat_list]
        results[self.target] = feats[0] if len(feats) == 1 else np.concatenate(feats, axis=self.axis)
        return results


@TRANSFORMS.register_module()
class GenSkeFeat(BaseTransform):
    """Compute the streams of a network's input and concatenate them along the channels.

    A remaining ``keypoint_score`` is first appended to the joints as their last channel.

    Required Keys: keypoint, keypoint_score (optional)
    Modified Keys: keypoint

    Args:
        dataset: The skeleton: a name, or a dict (see :mod:`pyskl.skeletons`).
        feats: Streams in order: 'j' joints, 'b' bones, 'jm' and 'bm' their motion.
        axis: The axis to concatenate along.
        motion_score: See :class:`ToMotion`.

    Raises:
        ValueError: If a feature is unknown, or a sample's joints or dimensions are not the skeleton's.
    """

    changes = (JOINTS,)

    def __init__(
        self,
        dataset: str | dict = 'nturgb+d',
        feats: Sequence[str] = ('j',),
        axis: int = -1,
        motion_score: str = 'mean',
    ) -> None:
        feats = (feats,) if isinstance(feats, str) else tuple(feats)
        if not feats or not set(feats) <= set(FEATS):
            raise ValueError(f'GenSkeFeat feats must be some of {list(FEATS)}, got {list(feats)}')
        self.dataset = dataset
        self.feats = feats
        self.axis = axis
        self.motion_score = _checked_motion_score('GenSkeFeat', motion_score)
        self._skeleton = get_skeleton(dataset)

    def checks(self) -> list[Check]:
        skeleton = self._skeleton
        return [
            layout_check(f'GenSkeFeat dataset={skeleton.name!r}', skeleton.num_joints),
            *(score_checks(skeleton.name) if skeleton.dims == 2 else ()),
        ]

    def transform(self, results: dict) -> dict:
        if 'keypoint_score' in results:
            self._merge_score(results)
        keypoint, skeleton = results['keypoint'], self._skeleton
        _check_joints(self, skeleton, keypoint, results)
        if keypoint.shape[-1] < skeleton.dims:
            raise ValueError(
                f'GenSkeFeat dataset={skeleton.name!r} is {skeleton.dims}D, but sample {sample_name(results)} has '
                f'keypoint {keypoint.shape}'
            )
        if self.feats != ('j',):
            parts = self._streams(keypoint)
            results['keypoint'] = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=self.axis)
        return results

    def _streams(self, keypoint: np.ndarray) -> list[np.ndarray]:
        has_score = _has_score(self._skeleton, keypoint)
        motion_score = has_score and self.motion_score == 'mean'
        streams = {'j': keypoint}
        if 'b' in self.feats or 'bm' in self.feats:
            streams['b'] = bone(keypoint, self._skeleton.bone_parents, has_score)
        for name in ('jm', 'bm'):
            if name in self.feats:
                streams[name] = motion(streams[name[0]], motion_score)
        return [streams[name] for name in self.feats]

    def _merge_score(self, results: dict) -> None:
        keypoint = results['keypoint']
        if self._skeleton.dims != 2 or keypoint.shape[-1] != 2:
            raise ValueError(
                f'GenSkeFeat dataset={self._skeleton.name!r} is {self._skeleton.dims}D, but sample '
                f'{sample_name(results)} has keypoint {keypoint.shape} and keypoint_score; only 2D joints (M, T, V, 2) '
                f'of a 2D skeleton can have a score'
            )
        results['keypoint'] = append_score(keypoint, results.pop('keypoint_score'))
        results['coord_dims'] = 2
