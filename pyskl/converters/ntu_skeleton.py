"""The ``.skeleton`` text of NTU RGB+D: Kinect bodies by id, read with one conversion per file.

Layout, one item per line: the number of frames; per frame the number of bodies; per body 10 numbers, the first its id,
then the number of joints (25), then per joint 12 numbers, the first three x, y, z in metres (camera space, y up, z
depth).

Lines are not parsed one by one. The bytes of all ``x y z`` are gathered and converted together; ids are converted as
integers, since they have 17 digits and float64 cannot distinguish neighbouring ones.

Axes: ``F`` frames of one body, ``V`` 25 joints, ``B`` bodies summed over frames.
"""

import warnings
from typing import NamedTuple

import numpy as np

NUM_JOINTS = 25
BODY_FIELDS, JOINT_FIELDS = 10, 12
_LINES_OF_BODY = 2 + NUM_JOINTS


class Body(NamedTuple):
    """A body that the sensor tracked under one id.

    ``start`` is the first frame, counted over the frames that hold a body; ``joints`` is ``(F, V, 3)`` float32, metres.
    Gaps in a body's track are removed, as in the published preprocessing.
    """

    id: int
    start: int
    joints: np.ndarray


def parse_skeleton(content: bytes) -> tuple[list[Body], int]:
    """Parse the bodies of a file in order of appearance, and the number of frames with a body; others are dropped.

    Raises:
        ValueError: If the text violates the layout, or a coordinate is not finite.
    """
    text = np.frombuffer(content, np.uint8)
    tokens, first, fields = _find_lines(text)
    single, body = np.flatnonzero(fields == 1), np.flatnonzero(fields == BODY_FIELDS)
    if not len(fields) or fields[0] != 1:
        raise ValueError('does not begin with the number of frames')
    joint = np.flatnonzero(fields == JOINT_FIELDS)
    if len(single) + len(body) + len(joint) != len(fields):
        line = int(np.argmin(np.isin(fields, (1, BODY_FIELDS, JOINT_FIELDS))))
        raise ValueError(f'text line {line + 1} has {fields[line]} fields, not 1, {BODY_FIELDS} or {JOINT_FIELDS}')

    numbers = np.zeros(len(fields), np.int64)
    with_number = np.flatnonzero(fields != JOINT_FIELDS)
    numbers[with_number] = _convert(text, tokens, first[with_number], 1, np.int64)
    frame_of_body = _check_layout(fields, numbers, single, body)
    if not len(body):
        return [], 0
    joints = _convert(text, tokens, first[joint], 3, np.float32).reshape(-1, NUM_JOINTS, 3)
    if not np.isfinite(joints).all():
        raise ValueError('has NaN or infinite coordinates')
    return _by_id(numbers[body], frame_of_body, joints)


def _find_lines(text: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Token offsets (plus the end of the text), and for each non-blank line its first token and token count."""
    ink = np.empty(len(text) + 1, bool)
    ink[0] = False
    np.greater(text, ord(' '), out=ink[1:])
    tokens = np.flatnonzero(ink[1:] > ink[:-1])
    ends = np.append(np.flatnonzero(text == ord('\n')), len(text))
    upto = np.searchsorted(tokens, ends)
    fields = np.diff(upto, prepend=0)
    first = upto - fields
    filled = fields > 0
    return np.append(tokens, len(text)), first[filled], fields[filled]


def _convert(text: np.ndarray, tokens: np.ndarray, first: np.ndarray, count: int, dtype: type) -> np.ndarray:
    """Convert ``count`` numbers from each token in ``first`` at once -> ``(len(first) * count,)``."""
    begin, end = tokens[first], tokens[first + count]
    length = end - begin
    shift = begin - np.cumsum(length) + length
    chosen = text[np.repeat(shift, length) + np.arange(length.sum())].tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # numpy warns, and stops, at a token that is not a number
        try:
            numbers = np.fromstring(chosen, dtype, sep=' ')
        except (ValueError, OverflowError, DeprecationWarning, RuntimeWarning):
            numbers = None
    # Each token yields at least one number, so equal counts mean exactly one each: '1-2' would yield two.
    if numbers is None or len(numbers) != len(first) * count:
        raise ValueError(f'has a field that is not {"an integer" if dtype is np.int64 else "a number"}')
    return numbers


def _check_layout(fields: np.ndarray, numbers: np.ndarray, single: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Validate the position of every line; return each body's frame ``(B,)``, counted over frames with a body."""
    is_head = np.zeros(len(fields) + 1, bool)
    is_head[single] = True
    is_head[0] = False
    if not is_head[body + 1].all():
        raise ValueError('has a body without its number of joints')
    if (numbers[body + 1] != NUM_JOINTS).any():
        raise ValueError(f'has a body whose number of joints is not {NUM_JOINTS}')
    is_head[body + 1] = False
    heads = np.flatnonzero(is_head)
    bodies = numbers[heads]
    if len(heads) != numbers[0]:
        raise ValueError(f'announces {numbers[0]} frames but has {len(heads)}')
    if (bodies < 0).any() or (bodies > len(body)).any() or bodies.sum() != len(body):
        raise ValueError(f'has {len(body)} bodies, which differs from the announced numbers')
    frame = np.repeat(np.arange(len(heads)), bodies)
    heads_due = 1 + np.arange(len(heads)) + _LINES_OF_BODY * (np.cumsum(bodies) - bodies)
    body_due = 2 + frame + _LINES_OF_BODY * np.arange(len(body))
    lines_due = 1 + len(heads) + _LINES_OF_BODY * len(body)
    if len(fields) != lines_due or (heads != heads_due).any() or (body != body_due).any():
        raise ValueError(f'is truncated or out of order: {len(fields)} lines, but its counts require {lines_due}')
    return (np.cumsum(bodies > 0) - 1)[frame]


def _by_id(ids: np.ndarray, frames: np.ndarray, joints: np.ndarray) -> tuple[list[Body], int]:
    limits = np.iinfo(np.int64)
    if (ids == limits.max).any() or (ids == limits.min).any():
        raise ValueError('has a body id of more than 64 bits')
    order = np.lexsort((frames, ids))
    ids, frames_by_id = ids[order], frames[order]
    same = ids[1:] == ids[:-1]
    twice = same & (frames_by_id[1:] == frames_by_id[:-1])
    if twice.any():
        raise ValueError(f'has body {ids[:-1][twice][0]} twice in one frame')
    bodies = [
        Body(int(ids[rows[0]]), int(frames_by_id[rows[0]]), joints[order[rows]])
        for rows in np.split(np.arange(len(ids)), np.flatnonzero(~same) + 1)
    ]
    appeared = np.minimum.reduceat(order, np.append(0, np.flatnonzero(~same) + 1))
    return [bodies[i] for i in np.argsort(appeared)], int(frames[-1]) + 1
