"""Records of boxes, Kinetics-400's form: a row a detected person, not an array of persons and frames.

N boxes, V joints. ``keypoint`` is ``(N, V, 3)``: x and y in pixels, score; ``frame_inds`` ``(N,)`` says in which frame
each box is, never falling; ``box_score`` ``(N,)`` how sure the detector was; ``valid`` ``{threshold: frames}`` how many
frames have a box of at least that score. The transform DecompressPose makes ``(M, T, V, C)`` of them. In PYSKL's own
files ``keypoint`` lies elsewhere, in ``raw_file`` (:mod:`pyskl.datasets.records.kpfiles`).
"""

import numpy as np


def has_boxes(record: dict) -> bool:
    """Whether ``keypoint`` is a row a box."""
    keypoint = record.get('keypoint')
    return isinstance(keypoint, np.ndarray) and keypoint.ndim == 3 and record.get('frame_inds') is not None


def boxes_problem(record: dict) -> str | None:
    """What is wrong with a record of boxes and what would be right; None if nothing is. ``keypoint`` may be absent."""
    frames, keypoint = record.get('frame_inds'), record.get('keypoint')
    try:
        frames = np.asarray(frames)
    except ValueError:
        frames = np.zeros((0, 0))
    if frames.ndim != 1 or frames.dtype.kind not in 'iu' and frames.size:
        return 'has frame_inds that are no list of frame numbers, one a box'
    if len(frames) == 0:
        return 'has no boxes: nobody was found in it; leave the record out'
    total = record.get('total_frames')
    if not np.isscalar(total) or isinstance(total, str | bytes) or not total >= 1:
        return f'has frame_inds but total_frames={total!r}; it must be the number of frames'
    if frames[0] < 0 or frames[-1] >= total or (np.diff(frames.astype(np.int64)) < 0).any():
        return (
            f'has frame_inds from {frames.min()} to {frames.max()}; they must rise, or stay, and lie between 0 and '
            f'total_frames - 1, {total - 1}'
        )
    scores = record.get('box_score')
    if scores is not None and np.shape(scores) != frames.shape:
        return f'has {len(frames)} frame_inds but box_score {np.shape(scores)}; there is one of each a box'
    if keypoint is None:
        return None
    if keypoint.dtype.kind not in 'fiu' or keypoint.shape[1] == 0 or keypoint.shape[2] != 3:
        return f'has frame_inds and keypoint {keypoint.dtype} {keypoint.shape}; it must be (boxes, V, 3): x, y, score'
    if len(keypoint) != len(frames):
        return f'has {len(frames)} frame_inds but keypoint {keypoint.shape}, {len(keypoint)} boxes; make them equal'
    return None


def boxes_shape(record: dict) -> tuple[int, int, int, int]:
    """``(M, T, V, C)`` of a sound record with its boxes arranged in persons and frames."""
    most = np.bincount(np.asarray(record['frame_inds'])).max()
    return int(most), int(record['total_frames']), record['keypoint'].shape[1], 2
