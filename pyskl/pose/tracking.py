"""Persons linked over time: from what was found in each frame to clips ``(M, T, V, C)``.

Axes: ``D`` detections of a clip (a person in a frame each), ``A`` tracks, ``M T V C`` as everywhere.
Convention: pixels; a joint with score 0 was not seen.

Frame by frame, open tracks and detections are paired by the Hungarian method. How alike a track and a detection are is
the mean of two numbers from 0 to 1: the similarity of their joints as COCO scores keypoints (a bell of the distance
over the size of the person, https://cocodataset.org/#keypoints-eval), and the IoU of their boxes. The track is moved on
by its own velocity first, so that persons who cross keep who they are.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

BELL = 0.2  # width of the bell in person sizes; COCO's own are 0.05 (eyes) to 0.21 (hips)
LEAST_ALIKE = 0.1  # a bell alone reaches it at 0.36 person sizes
NEWEST = 0.5  # weight of the newest step in a track's velocity
MAX_A_FRAME = 64  # of more persons in a frame the best scored are linked; a crowd is no clip of an action


def track_persons(
    frame: np.ndarray,
    keypoint: np.ndarray,
    score: np.ndarray,
    num_frames: int,
    *,
    track: np.ndarray | None = None,
    max_persons: int = 2,
    max_gap: int = 10,
    min_length: int = 5,
) -> tuple[np.ndarray, np.ndarray]:
    """The persons of a clip, from detections in any order.

    Args:
        frame: ``(D,)`` frame of each detection, 0 to ``num_frames - 1``.
        keypoint: ``(D, V, 2)`` pixels.
        score: ``(D, V)``; 0: not seen.
        num_frames: ``T``.
        track: ``(D,)`` identities known from elsewhere. They are taken if every detection has one of 0 or more and none
            comes twice in a frame; else persons are linked here.
        max_persons: Tracks kept: the ones with the largest length times mean score, largest first.
        max_gap: Frames that a person may be missing for, and be filled in.
        min_length: Tracks with detections in fewer frames are dropped (in clips shorter than that, none is).

    Returns:
        keypoint: ``(M, T, V, 2)`` float32; M may be 0. A joint missing for ``max_gap`` frames or fewer between two
            where it is seen lies on the line between them; all others that are not seen are at (0, 0).
        keypoint_score: ``(M, T, V)`` float32; 0 for whatever was not seen, filled or not.
    """
    order = _fixed_order(frame, keypoint, score)
    frame, keypoint, score = frame[order], keypoint[order].astype(np.float32), score[order].astype(np.float32)
    if track is None or not _are_tracks(frame, track[order]):
        track = link(frame, keypoint, score, max_gap)
    else:
        track = track[order]
    chosen = choose(score, track, max_persons, min(min_length, num_frames))
    shape = (len(chosen), num_frames, *keypoint.shape[1:])
    out, out_score = np.zeros(shape, np.float32), np.zeros(shape[:-1], np.float32)
    for m, members in enumerate(chosen):
        out[m, frame[members]] = keypoint[members]
        out_score[m, frame[members]] = score[members]
        out[m] = fill_gaps(out[m], out_score[m] > 0, max_gap)
    return out, out_score


def _fixed_order(frame: np.ndarray, keypoint: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Indices by frame, best first; what else decides is the pose itself, so that the order of the input does not."""
    flat = keypoint.reshape(len(keypoint), keypoint[0].size if len(keypoint) else 0)
    return np.lexsort((*flat.T[::-1], *score.T[::-1], -score.mean(1, dtype=np.float64), frame))


def _are_tracks(frame: np.ndarray, track: np.ndarray) -> bool:
    """Whether identities can be. AlphaPose writes 0 for everyone where it did not track."""
    return bool((track >= 0).all()) and len(np.unique(np.stack((frame, track)), axis=1).T) == len(frame)


def link(frame: np.ndarray, keypoint: np.ndarray, score: np.ndarray, max_gap: int) -> np.ndarray:
    """``(D,)`` track of each detection, -1 for those beyond the first 64 of a frame.

    Args:
        frame: ``(D,)``, ascending.
        keypoint: ``(D, V, 2)``.
        score: ``(D, V)``.
        max_gap: Frames that a track survives without a detection.
    """
    track = np.full(len(frame), -1)
    if not len(frame):
        return track
    count = 0
    # Of each open track: its number, its last detection, its velocity in pixels a frame, and how much the next step
    # counts for that.
    number, last, velocity, weight = np.empty(0, int), np.empty(0, int), np.empty((0, 2), np.float32), np.empty(0)
    box, scale = boxes(keypoint, score > 0)
    starts = np.flatnonzero(np.diff(frame, prepend=-1))
    for start, end in zip(starts, np.append(starts[1:], len(frame)), strict=True):
        here = np.arange(start, min(end, start + MAX_A_FRAME))
        still = frame[start] - frame[last] <= max_gap + 1
        number, last, velocity, weight = number[still], last[still], velocity[still], weight[still]
        gone = (frame[start] - frame[last])[:, None]
        moved = (velocity * gone).astype(np.float32)
        alike = bells(keypoint[last] + moved[:, None], score[last], keypoint[here], score[here], scale[last])
        alike = (alike + overlaps(box[last] + np.tile(moved, 2), box[here])) / 2
        alike[alike < LEAST_ALIKE] = 0
        a, d = linear_sum_assignment(alike, maximize=True)
        paired = alike[a, d] > 0
        a, d = a[paired], here[d[paired]]
        step = steps(keypoint[last[a]], score[last[a]], keypoint[d], score[d]) / gone[a]
        velocity[a] += weight[a, None] * (step - velocity[a])
        track[d], last[a], weight[a] = number[a], d, NEWEST
        new = here[track[here] < 0]
        track[new] = np.arange(count, count + len(new))
        count += len(new)
        number, last, weight = np.append(number, track[new]), np.append(last, new), np.append(weight, np.ones(len(new)))
        velocity = np.concatenate((velocity, np.zeros((len(new), 2), np.float32)))
    return track


def boxes(keypoint: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes around the joints that are seen, and the persons' sizes, at least a pixel.

    Args:
        keypoint: ``(D, V, 2)``.
        seen: ``(D, V)``.

    Returns:
        ``(D, 4)``, left, top, right, bottom (zeros where no joint is seen), and ``(D,)``, the root of the area.
    """
    low = np.where(seen[..., None], keypoint, np.inf).min(1)
    high = np.where(seen[..., None], keypoint, -np.inf).max(1)
    box = np.concatenate((low, high), axis=1)
    box[~seen.any(1)] = 0
    sides = box[:, 2:] - box[:, :2]
    # The longer side counts a little in both directions: who stands edgewise, arms down, has hardly any area.
    sides = np.maximum(sides, sides.max(1, keepdims=True) / 4)
    return box, np.maximum(np.sqrt(sides.prod(1)), 1)


def bells(a: np.ndarray, a_score: np.ndarray, b: np.ndarray, b_score: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """``(A, D)``: ``mean_v exp(-|a_v - b_v|^2 / (2 (scale BELL)^2))``, joints weighed by the lower of their scores.

    Args:
        a: ``(A, V, 2)``.
        a_score: ``(A, V)``.
        b: ``(D, V, 2)``.
        b_score: ``(D, V)``.
        scale: ``(A,)`` person sizes, pixels.
    """
    squared = np.square(a[:, None] - b).sum(-1)  # (A, D, V)
    bell = np.exp(-squared / (2 * np.square(scale * BELL))[:, None, None])
    weight = np.minimum(a_score[:, None], b_score)
    return (bell * weight).sum(-1) / np.maximum(weight.sum(-1), 1e-6)


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """``(A, D)`` IoU of boxes ``(A, 4)`` and ``(D, 4)``, left, top, right, bottom."""
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    both = sides.clip(0).prod(-1)
    areas = [(box[:, 2:] - box[:, :2]).prod(-1) for box in (a, b)]
    return both / np.maximum(areas[0][:, None] + areas[1] - both, 1e-6)


def steps(a: np.ndarray, a_score: np.ndarray, b: np.ndarray, b_score: np.ndarray) -> np.ndarray:
    """``(A, 2)``: how far persons ``a`` moved to become ``b``, the mean over joints as in :func:`bells`."""
    weight = np.minimum(a_score, b_score)[..., None]
    return ((b - a) * weight).sum(1) / np.maximum(weight.sum(1), 1e-6)


def choose(score: np.ndarray, track: np.ndarray, max_persons: int, min_length: int) -> list[np.ndarray]:
    """The detections of each track that is kept, the track with the largest length times mean score first.

    Args:
        score: ``(D, V)``.
        track: ``(D,)``; -1: of no track.
        max_persons: Tracks kept.
        min_length: Detections that a track needs.
    """
    order = np.argsort(track, kind='stable')
    order = order[np.searchsorted(track[order], 0) :]  # those in a track
    if not len(order):
        return []
    starts = np.flatnonzero(np.diff(track[order], prepend=-1))
    lengths = np.diff(starts, append=len(order))
    worth = np.add.reduceat(score.mean(1, dtype=np.float64)[order], starts)  # length x mean
    # Equal ones in order of their first detection, which does not depend on the order of the input.
    ranked = np.lexsort((order[starts], -worth))
    ranked = ranked[lengths[ranked] >= min_length][:max_persons]
    return [order[starts[m] : starts[m] + lengths[m]] for m in ranked]


def fill_gaps(keypoint: np.ndarray, seen: np.ndarray, max_gap: int) -> np.ndarray:
    """Each joint's gaps of ``max_gap`` frames or fewer on the line between its ends; (0, 0) wherever else it is unseen.

    Args:
        keypoint: ``(T, V, C)``.
        seen: ``(T, V)``.
        max_gap: Frames.

    Returns:
        ``(T, V, C)``.
    """
    frames = len(seen)
    here = np.arange(frames)[:, None]
    before = np.maximum.accumulate(np.where(seen, here, -1))
    after = np.minimum.accumulate(np.where(seen, here, frames)[::-1])[::-1]
    inside = ~seen & (before >= 0) & (after < frames) & (after - before <= max_gap + 1)
    out = np.where(seen[..., None], keypoint, 0)
    t, v = np.nonzero(inside)
    start, end = before[t, v], after[t, v]
    way = ((t - start) / (end - start))[:, None].astype(keypoint.dtype)
    out[t, v] = keypoint[start, v] + way * (keypoint[end, v] - keypoint[start, v])
    return out
