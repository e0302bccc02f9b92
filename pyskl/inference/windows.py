"""Buffers of each person's recent joints, resampled to the frame rate of a network.

Axes: ``n`` observations, ``T`` frames of a window, ``V`` joints, ``C`` coordinates.
"""

from collections import deque

import numpy as np

MAX_OBSERVATIONS = 8192  # per person: bounds the memory for any frame rate


class PersonBuffer:
    """Ring buffer of one person's observations.

    Args:
        start: Time of the first observation, seconds.
        span: Duration of the buffer, seconds.
    """

    def __init__(self, start: float, span: float) -> None:
        self.first = self.last = start
        self.span = span
        self.count = 0  # total number of observations
        self._observations: deque[tuple[float, np.ndarray, np.ndarray]] = deque(maxlen=MAX_OBSERVATIONS)

    def __len__(self) -> int:
        return len(self._observations)

    def add(self, time: float, keypoint: np.ndarray, score: np.ndarray) -> None:
        """Append ``(V, C)`` joints with ``(V,)`` scores and drop observations older than the span."""
        self._observations.append((time, keypoint, score))
        self.last = time
        self.count += 1
        while self._observations[0][0] < time - self.span:
            self._observations.popleft()

    def read(self, at: np.ndarray, max_gap: float) -> tuple[np.ndarray, np.ndarray]:
        """Resample the joints at the times ``at``, sorted: ``(T, V, C)`` and ``(T, V)``; see :func:`resample`."""
        recent = []
        for observation in reversed(self._observations):
            recent.append(observation)
            if observation[0] <= at[0]:  # earlier ones do not affect the first frame
                break
        times, keypoint, score = zip(*reversed(recent), strict=True)
        return resample(np.array(times), np.stack(keypoint), np.stack(score), at, max_gap)


def resample(
    times: np.ndarray, keypoint: np.ndarray, score: np.ndarray, at: np.ndarray, max_gap: float
) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate joints linearly at other times.

    A joint that is detected in only one of the two neighbouring observations is copied from it if that one is nearer in
    time; a joint detected in neither, or within a gap longer than ``max_gap``, is at 0 with score 0.

    Args:
        times: ``(n,)`` seconds, increasing.
        keypoint: ``(n, V, C)``.
        score: ``(n, V)``; 0: not detected.
        at: ``(T,)`` seconds.
        max_gap: Longest interpolated gap, seconds.

    Returns:
        ``(T, V, C)`` and ``(T, V)``, float32.
    """
    after = np.searchsorted(times, at - 1e-9).clip(0, len(times) - 1)
    before = (after - 1).clip(0)
    exact = np.abs(times[after] - at) <= 1e-9
    before = np.where(exact, after, before)
    length = times[after] - times[before]
    fraction = np.divide(at - times[before], length, out=np.zeros(len(at)), where=length > 0)[:, None]  # (T, 1)
    outside = (at < times[0] - 1e-9) | (at > times[-1] + 1e-9) | (length > max_gap)
    seen_before, seen_after = score[before] > 0, score[after] > 0  # (T, V)
    # If one side is undetected, its weight goes to the other, provided that this one is nearer.
    weight = np.where(seen_before & seen_after, fraction, np.where(seen_after, 1.0, 0.0))
    shown = (seen_before & seen_after) | (seen_before & (fraction <= 0.5)) | (seen_after & (fraction >= 0.5))
    shown &= ~outside[:, None]
    place = keypoint[before] + weight[..., None] * (keypoint[after] - keypoint[before])
    rated = score[before] + weight * (score[after] - score[before])
    return np.where(shown[..., None], place, 0).astype(np.float32), np.where(shown, rated, 0).astype(np.float32)


def near_pairs(keypoint: list[np.ndarray], score: list[np.ndarray], nearness: float) -> list[tuple[int, int]]:
    """Pair persons who are close to each other, nearest pairs first; each person is in at most one pair.

    Args:
        keypoint: ``(T, V, C)`` of each person over the same times.
        score: ``(T, V)`` of each person.
        nearness: Maximum distance between the centres of a pair, relative to their mean height.
    """
    pairs = []
    for a in range(len(keypoint)):
        for b in range(a + 1, len(keypoint)):
            both = (score[a] > 0).any(1) & (score[b] > 0).any(1)
            if not both.any():
                continue
            center, size = zip(*(_place(keypoint[p][both], score[p][both] > 0) for p in (a, b)), strict=True)
            distance = np.linalg.norm(center[0] - center[1], axis=-1) / np.maximum((size[0] + size[1]) / 2, 1e-6)
            pairs.append((float(np.median(distance)), a, b))
    chosen, taken = [], set()
    for distance, a, b in sorted(pairs):
        if distance <= nearness and not {a, b} & taken:
            chosen.append((a, b))
            taken |= {a, b}
    return chosen


def centered(keypoint: np.ndarray, seen: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Shift ``(M, T, V, 2)`` joints so that the median centre of all persons' boxes is the centre of the image.

    Args:
        keypoint: Pixels; undetected joints are not shifted.
        seen: ``(M, T, V)``, whether a joint is detected.
        size: (height, width) of the image, pixels.
    """
    if not seen.any():
        return keypoint
    return np.where(seen[..., None], keypoint + to_center(keypoint, seen, size), keypoint).astype(keypoint.dtype)


def to_center(keypoint: np.ndarray, seen: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Shift ``(2,)`` that moves the median centre of the boxes to the centre of the image.

    Args:
        keypoint: ``(..., V, 2)``, pixels.
        seen: ``(..., V)``, whether a joint is detected, at least one.
        size: (height, width) of the image, pixels.
    """
    filled = seen.any(-1)
    center, _ = _place(keypoint[filled], seen[filled])
    return np.array([size[1] / 2, size[0] / 2]) - np.median(center, axis=0)


def _place(keypoint: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centre ``(t, 2)`` and longer side ``(t,)`` of the box around the detected joints ``(t, V, C)``."""
    flat = keypoint[..., :2]
    low = np.where(seen[..., None], flat, np.inf).min(1)
    high = np.where(seen[..., None], flat, -np.inf).max(1)
    return (low + high) / 2, (high - low).max(1)
