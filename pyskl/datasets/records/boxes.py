"""Records of boxes, the format of Kinetics-400: one row per detected person instead of persons and frames.

N boxes, V joints. ``keypoint`` is ``(N, V, 3)``: x and y in pixels, score; ``frame_inds`` ``(N,)`` is the frame of each
box, non-decreasing, counted from 0 or (as in PYSKL's published file) from 1; ``box_score`` ``(N,)`` is the detector's
confidence; ``valid`` ``{threshold: frames}`` is the number of frames with a box of at least that score. The transform
DecompressPose turns them into ``(M, T, V, C)``. In PYSKL's own files ``keypoint`` is stored elsewhere, in ``raw_file``
(:mod:`pyskl.datasets.records.kpfiles`).
"""

import math
from numbers import Real

import numpy as np

from pyskl.datasets.records.pickle_objects import shown

MAX_FRAMES = 10**7  # maximum number of frames of a record: four days of video


def whole_number(value: object) -> int | None:
    """Convert ``value`` of any numeric type to int if it is integral; None otherwise."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, Real) or not math.isfinite(value) or int(value) != value:
        return None
    return int(value)


def _shape(values: object) -> tuple[int, ...] | str:
    try:
        return np.shape(values)
    except ValueError:
        return 'of lists of different lengths'


def has_boxes(record: dict) -> bool:
    """Whether ``keypoint`` has one row per box."""
    keypoint = record.get('keypoint')
    return isinstance(keypoint, np.ndarray) and keypoint.ndim == 3 and record.get('frame_inds') is not None


def counts_from_one(frame_inds: np.ndarray, total_frames: int) -> bool:
    """Whether frames are counted from 1 and not from 0: the last box is in frame ``total_frames``.

    Args:
        frame_inds: ``(N,)``, all boxes of the record, non-decreasing.
        total_frames: Frames of the video.
    """
    return len(frame_inds) > 0 and frame_inds[0] >= 1 and frame_inds[-1] == total_frames


def boxes_problem(record: dict) -> str | None:
    """Describe what is wrong with a record of boxes; None for a valid one. ``keypoint`` may be absent."""
    frames, keypoint = record.get('frame_inds'), record.get('keypoint')
    try:
        frames = np.asarray(frames)
    except ValueError:
        frames = np.zeros((0, 0))
    if frames.ndim != 1 or frames.dtype.kind not in 'iu' and frames.size:
        return 'has frame_inds that are not a list of frame numbers, one per box'
    if len(frames) == 0:
        return 'has no boxes: no person was detected; remove the record'
    total = whole_number(record.get('total_frames'))
    if total is None or not 1 <= total <= MAX_FRAMES:
        found = shown(record.get('total_frames'))
        return f'has frame_inds but total_frames={found}; it must be the number of frames, at most {MAX_FRAMES}'
    inside = frames[0] >= 0 and (frames[-1] < total or counts_from_one(frames, total))
    if not inside or (np.diff(frames.astype(np.int64)) < 0).any():
        return (
            f'has frame_inds from {frames.min()} to {frames.max()}; they must be non-decreasing and between 0 and '
            f'total_frames - 1, {total - 1}, or between 1 and total_frames'
        )
    scores = record.get('box_score')
    if scores is not None and _shape(scores) != frames.shape:
        return f'has {len(frames)} frame_inds but box_score {_shape(scores)}; each box needs one of each'
    if keypoint is None:
        return None
    if keypoint.dtype.kind not in 'fiu' or keypoint.shape[1] == 0 or keypoint.shape[2] != 3:
        return f'has frame_inds and keypoint {keypoint.dtype} {keypoint.shape}; it must be (boxes, V, 3): x, y, score'
    if len(keypoint) != len(frames):
        return f'has {len(frames)} frame_inds but keypoint {keypoint.shape}, {len(keypoint)} boxes; make them equal'
    return None


def boxes_shape(record: dict) -> tuple[int, int, int, int]:
    """Return ``(M, T, V, C)`` of a valid record whose boxes are arranged by person and frame."""
    frames = np.asarray(record['frame_inds'])  # boxes of a frame are adjacent
    ends = np.flatnonzero(np.diff(frames, append=frames[-1] + 1))
    return int(np.diff(ends, prepend=-1).max()), int(record['total_frames']), record['keypoint'].shape[1], 2
