"""Read the people of a stream from JSON lines, one line per frame.

    {"time": 0.033, "size": [1080, 1920], "people": [{"keypoints": [[x, y, score], ...], "id": 3}, ...]}

``time`` (seconds), ``size`` (height, width) and ``id`` are optional; without ``time``, frames have the stream's frame
rate. ``keypoints`` may also be flat, x, y, score of each joint, as in COCO. A line ``null`` is a dropped frame.
"""

import json
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from pyskl.pose.tracking import MAX_A_FRAME
from pyskl.skeletons import Skeleton

MAX_LINE = 1 << 22  # characters


class LineFrame(NamedTuple):
    """Content of a line; ``keypoint`` is None for a dropped frame."""

    time: float | None
    size: tuple[int, int] | None
    keypoint: np.ndarray | None
    score: np.ndarray | None
    ids: list[int] | None


def read_lines(lines: Iterable[str], skeleton: Skeleton, report=lambda line: None) -> Iterator[LineFrame]:
    """Parse the frames in JSON lines; blank lines are skipped.

    Args:
        lines: The lines, one frame each.
        skeleton: Skeleton of the joints.
        report: Called with a message if people are dropped.

    Raises:
        ValueError: If a line is invalid; the message has its number.
    """
    joints, reported, with_ids = skeleton.num_joints, False, None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            frame = _frame(line, skeleton)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f'line {number}: {error}') from None
        if frame.keypoint is not None and len(frame.keypoint):
            if with_ids not in (None, frame.ids is not None):
                raise ValueError(f'line {number}: people have ids in some lines only; give ids in all lines or in none')
            with_ids = frame.ids is not None
            if len(frame.keypoint) > MAX_A_FRAME:
                if not reported:
                    report(
                        f'line {number} has {len(frame.keypoint)} persons; the {MAX_A_FRAME} with the best scores '
                        'are used'
                    )
                reported = True
                best = np.sort(np.argsort(-frame.score.mean(1), kind='stable')[:MAX_A_FRAME])
                ids = None if frame.ids is None else [frame.ids[p] for p in best]
                frame = frame._replace(keypoint=frame.keypoint[best], score=frame.score[best], ids=ids)
        assert frame.keypoint is None or frame.keypoint.shape[1] == joints
        yield frame


def _frame(line: str, skeleton: Skeleton) -> LineFrame:
    if len(line) > MAX_LINE:
        raise ValueError(f'longer than {MAX_LINE >> 20} MB')
    try:
        content = json.loads(line)
    except (json.JSONDecodeError, RecursionError):
        raise ValueError(f'not JSON: {line.strip()[:60]!r}') from None
    if content is None:
        return LineFrame(None, None, None, None, None)
    if not isinstance(content, dict) or not isinstance(content.get('people'), list):
        raise ValueError('a frame must be an object with a list "people"')
    time, size = content.get('time'), content.get('size')
    if time is not None and (isinstance(time, bool) or not isinstance(time, int | float) or not math.isfinite(time)):
        raise ValueError(f'time must be seconds, got {time!r}')
    if size is not None:
        if not isinstance(size, list) or len(size) != 2 or not all(type(s) is int and 0 < s < 1 << 16 for s in size):
            raise ValueError(f'size must be [height, width] in pixels, got {size!r}')
        size = tuple(size)
    joints, dims = skeleton.num_joints, skeleton.dims
    keypoint = np.zeros((len(content['people']), joints, dims), np.float32)
    score = np.ones((len(content['people']), joints), np.float32)
    ids = []
    for p, person in enumerate(content['people']):
        if not isinstance(person, dict) or 'keypoints' not in person:
            raise ValueError(f'person {p} must be an object with "keypoints"')
        values = np.array(person['keypoints'], np.float64)
        if values.ndim == 1 and values.size % (dims + 1) == 0:
            values = values.reshape(-1, dims + 1)
        if values.ndim != 2 or len(values) != joints or values.shape[1] not in (dims, dims + 1):
            raise ValueError(
                f'person {p} has keypoints {values.shape}, but the network needs {joints} joints ({skeleton.name}) '
                f'with {dims} coordinates and a score'
            )
        if not np.isfinite(values).all() or np.abs(values).max() > 1e6:
            raise ValueError(f'person {p} has keypoints that are not finite or exceed 1e6')
        keypoint[p] = values[:, :dims]
        if values.shape[1] > dims:
            score[p] = values[:, dims]
        if 'id' in person:
            if type(person['id']) is not int or not 0 <= person['id'] < 1 << 31:
                raise ValueError(f'person {p} has id {person["id"]!r}; it must be a non-negative integer')
            ids.append(person['id'])
    if ids and len(ids) < len(keypoint):
        raise ValueError('some people have an id and others do not')
    if len(set(ids)) < len(ids):
        raise ValueError('two people have the same id')
    return LineFrame(time, size, keypoint, score, ids or None)
