"""Tracking: link the detections of each frame over time to clips ``(M, T, V, C)``.

Axes: ``D`` detections of a clip (a person in a frame each), ``A`` tracks, ``M T V C`` as everywhere.
Convention: pixels; a joint with score 0 was not detected.

In each frame, open tracks and detections are matched by the Hungarian method. The similarity of a track and a detection
is a weighted mean of two numbers from 0 to 1: the similarity of their joints, as in COCO's keypoint evaluation (a
Gaussian of the distance divided by the size of the person, https://cocodataset.org/#keypoints-eval), and the IoU of
their boxes. The track is extrapolated by its velocity first and its joints are smoothed, so that crossing persons are
not confused.
`benchmarks/tracking.py` compares it with norfair's tracker.
"""

import itertools

import numpy as np
from scipy.optimize import linear_sum_assignment

WIDTH = 0.2  # width of the Gaussian in person sizes; COCO's are 0.05 (eyes) to 0.21 (hips)
LEAST_ALIKE = 0.1  # a Gaussian alone reaches it at 0.36 person sizes
NEWEST = 0.5  # weight of the newest step in a track's velocity
BOXES = 0.25  # weight of box IoU in the similarity; the rest is that of the joints
FOLLOW = 0.5  # weight of the detection against the prediction when a joint is smoothed
MAX_A_FRAME = 64  # maximum number of persons linked per frame, best scores first


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
    """Link detections, in any order, to the persons of a clip.

    Args:
        frame: ``(D,)`` frame of each detection, 0 to ``num_frames - 1``.
        keypoint: ``(D, V, 2)`` pixels.
        score: ``(D, V)``; 0: not detected.
        num_frames: ``T``.
        track: ``(D,)`` identities from another tracker. They are used if every detection has one of 0 or more and none
            occurs twice in a frame; otherwise persons are linked here.
        max_persons: Maximum number of tracks, selected and sorted by length times mean score.
        max_gap: Longest gap in frames that is bridged and interpolated.
        min_length: Drop tracks with detections in fewer frames (none in clips shorter than that).

    Returns:
        keypoint: ``(M, T, V, 2)`` float32; M may be 0. Gaps of a joint of at most ``max_gap`` frames are interpolated
            linearly; other undetected joints are at (0, 0).
        keypoint_score: ``(M, T, V)`` float32; 0 for joints that were not detected, interpolated or not.
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
    """Sort detections by frame, best first; ties are broken by the pose, so that input order does not matter."""
    flat = keypoint.reshape(len(keypoint), keypoint[0].size if len(keypoint) else 0)
    return np.lexsort((*flat.T[::-1], *score.T[::-1], -score.mean(1, dtype=np.float64), frame))


def _are_tracks(frame: np.ndarray, track: np.ndarray) -> bool:
    """Whether identities are plausible. AlphaPose writes 0 for every person if it did not track."""
    return bool((track >= 0).all()) and len(np.unique(np.stack((frame, track)), axis=1).T) == len(frame)


class Tracker:
    """Assign each person of a stream of frames a number that persists from frame to frame.

    Its memory is bounded by the open tracks, at most :data:`MAX_A_FRAME` per frame of the last ``max_age``.

    Args:
        max_age: Time that a track survives without a detection, in the unit of ``update``'s ``time``.
    """

    def __init__(self, max_age: float) -> None:
        self.max_age = max_age
        self.count = 0  # number of tracks so far, the next track's number
        self.number = np.empty(0, int)  # of each open track
        self._last = np.empty(0)  # time of its last detection
        self._velocity = np.empty((0, 2), np.float32)  # pixels per unit of time
        self._weight = np.empty(0)  # of the next step in its velocity
        self._keypoint = self._score = self._box = self._scale = None  # of its last detection

    def update(self, time: float, keypoint: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Link the persons of one frame.

        Args:
            time: Time of the frame, later than that of the previous frame.
            keypoint: ``(P, V, 2)`` pixels.
            score: ``(P, V)``; 0: not detected.

        Returns:
            ``(P,)`` track of each person; -1 for those beyond the 64 best, by mean score.
        """
        track = np.full(len(keypoint), -1)
        self._retain(time - self._last <= self.max_age)
        if not len(keypoint):
            return track
        here = np.arange(len(keypoint))
        if len(here) > MAX_A_FRAME:
            here = np.sort(np.argsort(-score.mean(1, dtype=np.float64), kind='stable')[:MAX_A_FRAME])
        keypoint, score = keypoint[here].astype(np.float32), score[here].astype(np.float32)
        box, scale = boxes(keypoint, score > 0)
        if self._keypoint is None or not len(self.number):
            self._keypoint, self._score, self._box, self._scale = keypoint[:0], score[:0], box[:0], scale[:0]
        gone = (time - self._last)[:, None]
        moved = (self._velocity * gone).astype(np.float32)
        similarity = joint_similarity(self._keypoint + moved[:, None], self._score, keypoint, score, self._scale)
        similarity = (1 - BOXES) * similarity + BOXES * overlaps(self._box + np.tile(moved, 2), box)
        similarity[similarity < LEAST_ALIKE] = 0
        a, d = linear_sum_assignment(similarity, maximize=True)
        paired = similarity[a, d] > 0
        a, d = a[paired], d[paired]
        step = steps(self._keypoint[a], self._score[a], keypoint[d], score[d]) / gone[a]
        self._velocity[a] += self._weight[a, None] * (step - self._velocity[a])
        # Halves detector jitter at the cost of a lag of one frame for fast limbs.
        expected = self._keypoint[a] + moved[a, None]
        both = (self._score[a] > 0) & (score[d] > 0)
        found = np.where(both[..., None], expected + FOLLOW * (keypoint[d] - expected), keypoint[d])
        self._keypoint[a], self._score[a] = found, score[d]
        self._box[a], self._scale[a] = boxes(found, score[d] > 0)
        self._last[a], self._weight[a] = time, NEWEST
        own = np.full(len(here), -1)
        own[d] = self.number[a]
        new = np.flatnonzero(own < 0)
        own[new] = np.arange(self.count, self.count + len(new))
        self.count += len(new)
        self.number = np.append(self.number, own[new])
        self._last = np.append(self._last, np.full(len(new), time, float))
        self._weight = np.append(self._weight, np.ones(len(new)))
        self._velocity = np.concatenate((self._velocity, np.zeros((len(new), 2), np.float32)))
        self._keypoint = np.concatenate((self._keypoint, keypoint[new]))
        self._score = np.concatenate((self._score, score[new]))
        self._box = np.concatenate((self._box, box[new]))
        self._scale = np.concatenate((self._scale, scale[new]))
        track[here] = own
        return track

    def _retain(self, still: np.ndarray) -> None:
        """Remove the tracks that are not ``still`` open."""
        if still.all():
            return
        for name in ('number', '_last', '_velocity', '_weight', '_keypoint', '_score', '_box', '_scale'):
            setattr(self, name, getattr(self, name)[still])


def link(frame: np.ndarray, keypoint: np.ndarray, score: np.ndarray, max_gap: int) -> np.ndarray:
    """Assign a track to each detection, ``(D,)``; -1 beyond the 64 best of a frame.

    Args:
        frame: ``(D,)``, ascending.
        keypoint: ``(D, V, 2)``.
        score: ``(D, V)``.
        max_gap: Frames that a track survives without a detection.
    """
    track = np.full(len(frame), -1)
    tracker = Tracker(max_gap + 1)
    limits = np.append(np.flatnonzero(np.diff(frame, prepend=-1)), len(frame))
    for start, end in itertools.pairwise(limits):
        track[start:end] = tracker.update(int(frame[start]), keypoint[start:end], score[start:end])
    return track


def boxes(keypoint: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute boxes around the detected joints, and person sizes, at least one pixel.

    Args:
        keypoint: ``(D, V, 2)``.
        seen: ``(D, V)``.

    Returns:
        ``(D, 4)``: left, top, right, bottom (zeros if no joint is detected), and ``(D,)``: the root of the area.
    """
    low = np.where(seen[..., None], keypoint, np.inf).min(1)
    high = np.where(seen[..., None], keypoint, -np.inf).max(1)
    box = np.concatenate((low, high), axis=1)
    box[~seen.any(1)] = 0
    sides = box[:, 2:] - box[:, :2]
    # The longer side contributes to both factors: a person seen edgewise, arms down, has almost no area.
    sides = np.maximum(sides, sides.max(1, keepdims=True) / 4)
    return box, np.maximum(np.sqrt(sides.prod(1)), 1)


def joint_similarity(
    a: np.ndarray, a_score: np.ndarray, b: np.ndarray, b_score: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """Joint similarity ``(A, D)``: ``mean_v exp(-|a_v - b_v|^2 / (2 (scale WIDTH)^2))``, weighted by the lower score.

    Args:
        a: ``(A, V, 2)``.
        a_score: ``(A, V)``.
        b: ``(D, V, 2)``.
        b_score: ``(D, V)``.
        scale: ``(A,)`` person sizes, pixels.
    """
    squared = np.square(a[:, None] - b).sum(-1)  # (A, D, V)
    similarity = np.exp(-squared / (2 * np.square(scale * WIDTH))[:, None, None])
    weight = np.minimum(a_score[:, None], b_score)
    return (similarity * weight).sum(-1) / np.maximum(weight.sum(-1), 1e-6)


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compute the IoU ``(A, D)`` of boxes ``(A, 4)`` and ``(D, 4)``, left, top, right, bottom."""
    sides = np.minimum(a[:, None, 2:], b[:, 2:]) - np.maximum(a[:, None, :2], b[:, :2])
    both = sides.clip(0).prod(-1)
    areas = [(box[:, 2:] - box[:, :2]).prod(-1) for box in (a, b)]
    return both / np.maximum(areas[0][:, None] + areas[1] - both, 1e-6)


def steps(a: np.ndarray, a_score: np.ndarray, b: np.ndarray, b_score: np.ndarray) -> np.ndarray:
    """Mean displacement ``(A, 2)`` from persons ``a`` to ``b``, weighted as in :func:`joint_similarity`."""
    weight = np.minimum(a_score, b_score)[..., None]
    return ((b - a) * weight).sum(1) / np.maximum(weight.sum(1), 1e-6)


def choose(score: np.ndarray, track: np.ndarray, max_persons: int, min_length: int) -> list[np.ndarray]:
    """Return the detections of each selected track, sorted by length times mean score, largest first.

    Args:
        score: ``(D, V)``.
        track: ``(D,)``; -1: of no track.
        max_persons: Maximum number of tracks.
        min_length: Minimum number of detections per track.
    """
    order = np.argsort(track, kind='stable')
    order = order[np.searchsorted(track[order], 0) :]  # detections in a track
    if not len(order):
        return []
    starts = np.flatnonzero(np.diff(track[order], prepend=-1))
    lengths = np.diff(starts, append=len(order))
    worth = np.add.reduceat(score.mean(1, dtype=np.float64)[order], starts)  # length x mean
    # Break ties by first detection, which does not depend on input order.
    ranked = np.lexsort((order[starts], -worth))
    ranked = ranked[lengths[ranked] >= min_length][:max_persons]
    return [order[starts[m] : starts[m] + lengths[m]] for m in ranked]


def fill_gaps(keypoint: np.ndarray, seen: np.ndarray, max_gap: int) -> np.ndarray:
    """Interpolate gaps of at most ``max_gap`` frames of each joint linearly; other undetected joints are (0, 0).

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
    fraction = ((t - start) / (end - start))[:, None].astype(keypoint.dtype)
    out[t, v] = keypoint[start, v] + fraction * (keypoint[end, v] - keypoint[start, v])
    return out
