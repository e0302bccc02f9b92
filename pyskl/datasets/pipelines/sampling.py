"""Sampling of the frames that a network sees.

Random numbers are consumed exactly as in PYSKL, from NumPy's legacy generator: the same seed gives the same clips.
A video of ``num_frames`` frames gives clips of ``L`` frames: one frame from each of ``L`` equal segments if it is long
enough, else consecutive frames with random gaps; a video shorter than a clip wraps around.
"""

import warnings
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform, sample_name
from pyskl.datasets.pipelines.float16 import to_float32
from pyskl.datasets.pipelines.streams import append_score
from pyskl.datasets.records.checks import FRAMES, Check, length_check
from pyskl.registry import TRANSFORMS

Interval = tuple[float, float]


@lru_cache(maxsize=64)
def _counted(clip_len: int) -> np.ndarray:
    """Return ``0 .. L - 1``, cached."""
    return np.arange(clip_len)


@lru_cache(maxsize=1024)
def _segments(num_frames: int, clip_len: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts and sizes, ``(L,)`` each, of ``clip_len`` nearly equal segments of ``num_frames`` frames; cached."""
    edges = np.arange(clip_len + 1) * num_frames // clip_len
    return edges[:-1], np.diff(edges)


def _part(num_frames: int, interval: Interval, random) -> tuple[int, int]:
    """Length and first frame of the part of the video that a clip is sampled from."""
    low, high = interval
    used = max(1, int((random.rand() * (high - low) + low) * num_frames))
    # The whole video is the only such part; PYSKL does not consume a random number then.
    return used, (random.randint(num_frames - used + 1) if used < num_frames else 0)


def _spread(used: int, clip_len: int, random) -> np.ndarray:
    """Sample ``(L,)`` increasing frame indices in ``[0, used)``, for ``used >= clip_len``."""
    if used >= 2 * clip_len:
        starts, sizes = _segments(used, clip_len)
        return starts + random.randint(sizes)
    skipped = np.zeros(clip_len + 1, np.int64)
    skipped[random.permutation(clip_len + 1)[: used - clip_len]] = 1
    return skipped[:-1].cumsum() + _counted(clip_len)


def sample_clips(
    num_frames: int, clip_len: int, num_clips: int, interval: Interval, random, spaced_starts: bool
) -> np.ndarray:
    """Sample ``(num_clips * L,)`` frame indices.

    Args:
        num_frames: Frames of the video; at least 1.
        clip_len: ``L``.
        num_clips: Number of clips, concatenated in the result.
        interval: Minimum and maximum share of the video that a clip is sampled from.
        random: ``numpy.random`` or a RandomState.
        spaced_starts: Whether clips of a short video start at evenly spaced frames (test) or at random ones (training).
    """
    clips = []
    for i in range(num_clips):
        used, offset = _part(num_frames, interval, random)
        if used >= clip_len:
            clips.append(_spread(used, clip_len, random) + offset)
            continue
        spaced = i if used < num_clips else i * used // num_clips
        start = spaced if spaced_starts else random.randint(0, used)
        clips.append((_counted(clip_len) + (start + offset)) % num_frames)
    return clips[0] if num_clips == 1 else np.concatenate(clips)


@lru_cache(maxsize=2048)
def fixed_clips(num_frames: int, clip_len: int, num_clips: int, interval: Interval, seed: int) -> np.ndarray:
    """Frame indices of test mode: they depend only on the arguments, so they are cached. Read-only."""
    inds = sample_clips(num_frames, clip_len, num_clips, interval, np.random.RandomState(seed), spaced_starts=True)
    inds.flags.writeable = False
    return inds


def _check_sampler(name: str, clip_len: int, num_clips: int, p_interval: float | Sequence[float]) -> Interval:
    for key, value in (('clip_len', clip_len), ('num_clips', num_clips)):
        if not isinstance(value, int) or value < 1:
            raise ValueError(f'{name} {key} must be an integer of at least 1, got {value!r}')
    pair = (p_interval, p_interval) if isinstance(p_interval, int | float) else tuple(p_interval)
    if len(pair) != 2 or not 0 < pair[0] <= pair[1] <= 1:
        raise ValueError(f'{name} p_interval must be a fraction or (minimum, maximum) in (0, 1], got {p_interval!r}')
    return pair


def _count_frames(results: dict) -> int:
    """Number of frames of the sample."""
    shape, total = results['keypoint'].shape, results.get('total_frames')
    if shape[1] < 1 or total not in (None, shape[1]):
        raise ValueError(f'sample {sample_name(results)} has total_frames={total} but keypoint (M, T, V, C) {shape}')
    return shape[1]


@TRANSFORMS.register_module(name=['UniformSampleFrames', 'UniformSample'])
class UniformSampleFrames(BaseTransform):
    """Sample frames spread evenly over the whole video.

    Required Keys: keypoint, total_frames, test_mode (optional), start_index (optional)
    Added Keys: frame_inds ``(num_clips * clip_len,)``, clip_len, num_clips, frame_interval

    Args:
        clip_len: Frames per clip.
        num_clips: Clips per sample.
        p_interval: The share of the video that a clip is sampled from, or its (minimum, maximum).
        seed: Seed of the generator in test mode.
        test_mode: Deprecated and ignored, as in PYSKL: the dataset selects test mode.
        float_ok: Deprecated and ignored, as in PYSKL.
    """

    changes = ()

    def __init__(
        self,
        clip_len: int,
        num_clips: int = 1,
        p_interval: float | Sequence[float] = 1,
        seed: int = 255,
        test_mode: bool | None = None,
        float_ok: bool | None = None,
    ) -> None:
        for name, value in (('test_mode', test_mode), ('float_ok', float_ok)):
            if value is not None:
                warnings.warn(f'UniformSampleFrames: {name} is deprecated and ignored', stacklevel=2)
        self.p_interval = _check_sampler('UniformSampleFrames', clip_len, num_clips, p_interval)
        self.clip_len = clip_len
        self.num_clips = num_clips
        self.seed = seed

    def transform(self, results: dict) -> dict:
        num_frames = _count_frames(results)
        if results.get('test_mode'):
            inds = fixed_clips(num_frames, self.clip_len, self.num_clips, self.p_interval, self.seed)
        else:
            inds = sample_clips(num_frames, self.clip_len, self.num_clips, self.p_interval, np.random, False)
        if results.get('start_index'):
            inds = inds + results['start_index']
        results['frame_inds'] = inds
        results['clip_len'] = self.clip_len
        results['frame_interval'] = None
        results['num_clips'] = self.num_clips
        return results


@TRANSFORMS.register_module()
class PoseDecode(BaseTransform):
    """Select the sampled frames, as float32.

    Required Keys: keypoint, keypoint_score (optional), frame_inds (optional: all), offset (optional)
    Modified Keys: keypoint, keypoint_score
    """

    changes = (FRAMES,)

    def transform(self, results: dict) -> dict:
        inds = results.get('frame_inds')
        if inds is not None:
            inds = inds.reshape(-1) + results['offset'] if results.get('offset') else inds.reshape(-1)
        for key in ('keypoint', 'keypoint_score'):
            if key in results:
                array = results[key] if inds is None else results[key].take(inds, axis=1)
                results[key] = to_float32(array)
        return results


@TRANSFORMS.register_module()
class UniformSampleDecode(BaseTransform):
    """``UniformSampleFrames`` and ``PoseDecode`` in one transform, as in PYSKL; its clips differ from theirs.

    A clip of a shorter video starts at a random frame, also in test mode, and wraps around inside the sampled part.
    A list of samples gives one clip of each, joined in time.

    Required Keys: keypoint, keypoint_score (optional), test_mode (optional)
    Modified Keys: keypoint (float32, the score its last channel), keypoint_score (removed)
    Added Keys: clip_len, num_clips, frame_interval, coord_dims

    Args:
        clip_len: Frames per clip.
        num_clips: Clips per sample.
        p_interval: The share of the video that a clip is sampled from, or its (minimum, maximum).
        seed: Seed of the generator in test mode.
    """

    changes = (FRAMES,)

    def __init__(
        self, clip_len: int, num_clips: int = 1, p_interval: float | Sequence[float] = 1, seed: int = 255
    ) -> None:
        self.p_interval = _check_sampler('UniformSampleDecode', clip_len, num_clips, p_interval)
        self.clip_len = clip_len
        self.num_clips = num_clips
        self.seed = seed

    def transform(self, results: dict | list[dict]) -> dict:
        records, num_clips = ([results], self.num_clips) if isinstance(results, dict) else (results, 1)
        if not records:
            raise ValueError('UniformSampleDecode got an empty list of samples')
        random = np.random.RandomState(self.seed) if records[0].get('test_mode') else np.random
        clips = [self._decode(record, random) for record in records for _ in range(num_clips)]
        out = records[0] if isinstance(results, dict) else dict(records[0])
        out.pop('keypoint_score', None)
        out['keypoint'] = clips[0] if len(clips) == 1 else np.concatenate(clips, axis=1)
        out['clip_len'] = self.clip_len
        out['frame_interval'] = None
        out['num_clips'] = len(clips)
        return out

    def _decode(self, record: dict, random) -> np.ndarray:
        """Sample one clip ``(M, L, V, C)`` or, with a score, ``(M, L, V, C + 1)``."""
        keypoint, score = record['keypoint'], record.get('keypoint_score')
        used, offset = _part(keypoint.shape[1], self.p_interval, random)
        if used < self.clip_len:
            inds = (_counted(self.clip_len) + random.randint(0, used)) % used + offset
        else:
            inds = _spread(used, self.clip_len, random) + offset
        clip = to_float32(keypoint.take(inds, axis=1))
        if score is None:
            return clip
        record['coord_dims'] = keypoint.shape[-1]
        return append_score(clip, to_float32(score.take(inds, axis=1)))


@TRANSFORMS.register_module()
class PadTo(BaseTransform):
    """Pad a video to a fixed length.

    Required Keys: keypoint, keypoint_score (optional)
    Modified Keys: keypoint, keypoint_score, total_frames

    Args:
        length: Number of output frames; a longer video is an error.
        mode: 'loop' repeats the video, 'zero' appends empty frames.
    """

    changes = (FRAMES,)

    def __init__(self, length: int, mode: str = 'loop') -> None:
        if mode not in ('loop', 'zero'):
            raise ValueError(f"PadTo mode must be 'loop' or 'zero', got {mode!r}")
        self.length = length
        self.mode = mode

    def checks(self) -> list[Check]:
        return [length_check('PadTo length', self.length)]

    def transform(self, results: dict) -> dict:
        num_frames = _count_frames(results)
        if num_frames > self.length:
            raise ValueError(
                f'PadTo length={self.length} is less than the {num_frames} frames of sample {sample_name(results)}'
            )
        inds = np.arange(self.length) % num_frames
        for key in ('keypoint', 'keypoint_score'):
            if key in results:
                results[key] = results[key].take(inds, axis=1)
                if self.mode == 'zero':
                    results[key][:, num_frames:] = 0
        results['total_frames'] = self.length
        return results
