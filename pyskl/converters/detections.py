"""Validated arrays of the persons detected in a video's frames.

Axes: ``D`` detections (one person in one frame each), ``V`` joints.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

MAX_JOINTS = 1024
MAX_PIXEL = 1e6
MAX_SCORE = 100.0  # most are 0 to 1; some estimators write logits
# One detection as stored in files: frame, keypoints, scores (None: every third number of the keypoints), track id.
Found = tuple[int, list, list | None, int]


@dataclass(frozen=True)
class Detections:
    """Persons detected in a video's frames, in the order of the file.

    Args:
        format: One of :data:`FORMATS`; empty if the file is an empty list.
        frame: ``(D,)`` frame numbers as in the file, which may start at any number.
        keypoint: ``(D, V, 2)`` float32, pixels; (0, 0) if undetected.
        score: ``(D, V)`` float32, 0 if undetected.
        track: ``(D,)`` track ids; -1 if the file has none.
        listed: (first, last) frame, if the file also lists frames without a person.
        size: (height, width) of the image in pixels, if known.
        joints: Names of the joints, if known.
    """

    format: str
    frame: np.ndarray
    keypoint: np.ndarray
    score: np.ndarray
    track: np.ndarray
    listed: tuple[int, int] | None = None
    size: tuple[int, int] | None = None
    joints: tuple[str, ...] | None = None


def detections_of(
    format: str,
    found: Iterable[Found],
    listed: list[int] | None,
    size: tuple[int, int] | None = None,
    joints: tuple[str, ...] | None = None,
) -> Detections:
    """Build arrays from a list of detections.

    Args:
        format: Format of the file; ``coco`` may have visibilities instead of scores.
        found: Detections, one person in one frame each.
        listed: The frames that the file lists; None if only those with a person.
        size: As in :class:`Detections`.
        joints: As in :class:`Detections`.

    Raises:
        ValueError: If a frame is listed twice, or the numbers are not valid keypoints.
    """
    if listed and len(set(listed)) < len(listed):
        twice = next(number for number, count in Counter(listed).items() if count > 1)
        raise ValueError(f'frame {twice} is listed twice')
    rows = list(found)
    span = (min(listed), max(listed)) if listed else None
    if not rows:
        none = np.empty(0, np.int64)
        return Detections(format, none, np.empty((0, 0, 2), np.float32), np.empty((0, 0), np.float32), none, span, size)
    frames, keypoints, scores, tracks = zip(*rows, strict=True)
    values = _numbers(keypoints, frames, 'keypoints')
    if scores[0] is None:
        values = values.reshape(len(rows), -1) if values.ndim > 1 else values
        if values.ndim != 2 or not values.shape[1] or values.shape[1] % 3:
            raise ValueError(f'keypoints must be x, y, score of each joint, got {values.shape[1:]} numbers')
        values = values.reshape(len(rows), -1, 3)
        keypoint, score = values[..., :2], values[..., 2]
    else:
        keypoint, score = values, _numbers(scores, frames, 'keypoint_scores')
        if keypoint.ndim != 3 or keypoint.shape[2] != 2 or score.shape != keypoint.shape[:2]:
            raise ValueError(
                f'keypoints {keypoint.shape[1:]} with keypoint_scores {score.shape[1:]}; they must be (V, 2) and (V,)'
            )
    if not 0 < keypoint.shape[1] <= MAX_JOINTS:
        raise ValueError(f'{keypoint.shape[1]} joints; it must be 1 to {MAX_JOINTS}')
    keypoint, score = _checked(keypoint, score, visibility=format == 'coco')
    if joints is not None and len(joints) != keypoint.shape[1]:
        joints = None
    return Detections(format, np.array(frames), keypoint, score, np.array(tracks), span, size, joints)


def _numbers(lists: Sequence, frames: Sequence[int], what: str) -> np.ndarray:
    """Stack one list per detection to ``(D, ...)``; null becomes NaN.

    Raises:
        ValueError: If they are not numbers, or differ in length.
    """
    try:
        values = np.asarray(lists)
        if values.dtype.kind == 'O':  # null, or integers of 20 digits and more
            flat = [np.nan if value is None else value for value in values.ravel()]
            if not all(isinstance(value, int | float) for value in flat):
                raise ValueError
            values = np.array([float(value) for value in flat]).reshape(values.shape)
    except (ValueError, OverflowError):
        raise ValueError(_odd_one(lists, frames, what)) from None
    if values.dtype.kind not in 'fiu' or values.ndim < 2:
        raise ValueError(f'frame {frames[0]}: {what} must be a list of numbers, got {str(lists[0])[:60]}')
    return values


def _odd_one(lists: Sequence, frames: Sequence[int], what: str) -> str:
    """Describe why lists cannot be stacked."""
    first = len(lists[0]) if isinstance(lists[0], list) else None
    for number, values in zip(frames, lists, strict=True):
        if not isinstance(values, list):
            return f'frame {number}: {what} must be a list of numbers, got {str(values)[:60]}'
        if len(values) != first:
            return f'frame {number}: {what} has {len(values)} numbers, but {first} for the first person'
    return f'{what} must be lists of numbers, the same count for each joint'


def _checked(keypoint: np.ndarray, score: np.ndarray, visibility: bool) -> tuple[np.ndarray, np.ndarray]:
    """Set undetected joints to (0, 0) with score 0.

    Args:
        keypoint: ``(D, V, 2)``.
        score: ``(D, V)``.
        visibility: Whether ``score`` may hold COCO's 0 (not labelled), 1 (hidden), 2 (visible), which map to 0 or 1.

    Raises:
        ValueError: If a number is infinite or too large, or the coordinates are not pixels.
    """
    if np.isinf(keypoint).any() or np.isinf(score).any():
        raise ValueError('the keypoints contain infinite numbers')
    seen = ~np.isnan(keypoint).any(-1) & (score > 0)  # NaN > 0 is False
    score = np.where(seen, score, 0)
    keypoint = np.where(seen[..., None], keypoint, 0)
    largest = np.abs(keypoint).max(initial=0)
    if largest > MAX_PIXEL or score.max(initial=0) > MAX_SCORE:
        raise ValueError(
            f'a coordinate of {largest:g} or a score of {score.max():g} is out of range; coordinates must be pixels of '
            f'at most {MAX_PIXEL:g}, scores at most {MAX_SCORE:g}'
        )
    if seen.any() and largest <= 1:
        raise ValueError('all coordinates are between 0 and 1, fractions of the image size; they must be pixels')
    if visibility and score.max(initial=0) == 2 and np.isin(score, (0, 1, 2)).all():
        score = np.minimum(score, 1)
    return keypoint.astype(np.float32), score.astype(np.float32)
