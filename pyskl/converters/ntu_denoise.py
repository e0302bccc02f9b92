"""Reduce the bodies of an NTU RGB+D clip to at most two actors: the denoising of CTR-GCN and PYSKL's pickles.

A single body is used unchanged. Of several, those too short or too wide to be people are dropped, and the rest are
sorted by motion and assigned to two actors.

Axes: ``M`` actors, ``T`` frames, ``V`` joints.

Source: ``get_raw_denoised_data.py`` of CTR-GCN, https://github.com/Uason-Chen/CTR-GCN.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyskl.converters.ntu_skeleton import Body


@dataclass(frozen=True)
class Thresholds:
    """Published thresholds. The motion bounds were published but never applied: the data were made with None, None.

    Args:
        length: Bodies of at most this many frames are dropped.
        spread: A frame is noisy if the body is wider than this times its height.
        noisy: Bodies with at least this share of noisy frames are dropped.
        motion_low: Bodies that move less are dropped; published 0.089925.
        motion_high: Bodies that move more are dropped; published 2.
    """

    length: int = 11
    spread: float = 0.8
    noisy: float = 0.69754
    motion_low: float | None = None
    motion_high: float | None = None


PUBLISHED = Thresholds()


def motion(joints: np.ndarray) -> float:
    """Sum of the variances of x, y and z over all frames and joints of ``(F, V, 3)``; square metres."""
    return float(joints.reshape(-1, 3).var(axis=0, dtype=np.float64).sum())


def noisy_frames(joints: np.ndarray, spread: float) -> np.ndarray:
    """Mark the frames in which a body is wider than ``spread`` times its height; ``(F, V, 3) -> (F,)`` bool."""
    width, height = np.ptp(joints[..., 0], axis=1), np.ptp(joints[..., 1], axis=1)
    return width > spread * height


def choose_actors(
    bodies: Sequence[Body], num_frames: int, thresholds: Thresholds = PUBLISHED, keep_empty: bool = False
) -> np.ndarray:
    """Build one or two actors ``(M, T, V, 3)`` float32; absent actors are 0, and every frame has at least one.

    Args:
        bodies: Bodies of the file, from ``parse_skeleton``.
        num_frames: Number of its frames with a body.
        thresholds: Thresholds of length, width and motion.
        keep_empty: Whether consecutive bodies, which form one actor, also get a second, all-zero actor, as in the
            published arrays.

    Raises:
        ValueError: If there is no body, or none is left.
    """
    if not bodies:
        raise ValueError('no frame has a body')
    if len(bodies) == 1:
        return _lay_out(bodies, num_frames)[:1]
    long = [body for body in bodies if len(body.joints) > thresholds.length]
    if not long:
        raise ValueError(f'none of {len(bodies)} bodies is longer than {thresholds.length} frames')
    selected = _by_motion(long, thresholds)
    actors = _lay_out(selected, num_frames)
    if not actors[1].any() and not (keep_empty and len(selected) > 1):
        actors = actors[:1]
    return actors[:, actors.any(axis=(0, 2, 3))]


def _by_motion(bodies: list[Body], thresholds: Thresholds) -> list[Body]:
    """Select the bodies that are not noise, sorted by descending motion; the last remaining one is never dropped."""
    left, moved = list(bodies), {body.id: motion(body.joints) for body in bodies}
    for body in bodies:
        noisy = noisy_frames(body.joints, thresholds.spread)
        if len(left) > 1 and noisy.mean() >= thresholds.noisy:
            left = [other for other in left if other.id != body.id]
        elif noisy.any() and not noisy.all():
            moved[body.id] = min(moved[body.id], motion(body.joints[~noisy]))
    low, high = thresholds.motion_low, thresholds.motion_high
    left.sort(key=lambda body: -moved[body.id])
    within = [
        body for body in left if (low is None or moved[body.id] >= low) and (high is None or moved[body.id] <= high)
    ]
    return within or left[:1]


def _lay_out(bodies: Sequence[Body], num_frames: int) -> np.ndarray:
    """Assign each body to the first actor whose frames it does not overlap, else drop it; ``(2, T, V, 3)``.

    One shared frame is allowed, and the second actor's frames start at 0 even if it appears later, both as published.
    """
    actors = np.zeros((2, num_frames, *bodies[0].joints.shape[1:]), np.float32)
    first = bodies[0]
    hulls = [(first.start, first.start + len(first.joints) - 1), (0, 0)]
    actors[0, first.start : first.start + len(first.joints)] = first.joints
    for body in bodies[1:]:
        start, end = body.start, body.start + len(body.joints) - 1
        for actor, (begin, last) in enumerate(hulls):
            if min(last, end) - max(begin, start) <= 0:
                actors[actor, start : end + 1] = body.joints
                hulls[actor] = (min(begin, start), max(last, end))
                break
    return actors
