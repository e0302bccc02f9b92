"""Kinetics-skeleton, the OpenPose joints of Kinetics-400 that ST-GCN's authors released: one JSON file per clip.

A clip is ``{"data": [{"frame_index": 0, "skeleton": [{"pose": [x0, y0, ...], "score": [...]}, ...]}, ...], "label":
"abseiling", "label_index": 3}``: 18 joints per person, x and y relative to the image's width and height, undetected
joints (0, 0) with score 0. A table holds ``{video id: {"has_skeleton", "label", "label_index"}}``.

Persons are not tracked over time: in each frame, the two with the highest scores of the first five in the file are
selected.

Axes: ``M`` persons, ``T`` frames, ``V`` 18 joints.

Source: ``feeder_kinetics.py`` of ST-GCN, https://github.com/yysijie/st-gcn.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pyskl.converters import json_input
from pyskl.skeletons import get_skeleton

NUM_JOINTS = get_skeleton('openpose').num_joints
IMAGE_SIZE = (256, 340)  # height, width: the videos were resized to it before pose estimation
MAX_FRAMES = 300  # 10 s at 30 frames/s; the limit of the published reader
PERSONS_IN, PERSONS_OUT = 5, 2
LIMIT = 100  # limit on coordinates, in image widths, and the maximum score
MAX_CLASSES = 100_000
_ID = re.compile(r'[^/\\\0]+')


class Clip(NamedTuple):
    """The content of a file.

    ``keypoint`` is ``(M, T, V, 2)`` float32, relative to the image size, 0 where the score is 0; ``score`` is
    ``(M, T, V)`` float32. M is 0 if no frame has a person.
    """

    keypoint: np.ndarray
    score: np.ndarray
    label: str
    label_index: int


class Entry(NamedTuple):
    """A clip's entry in the table."""

    has_skeleton: bool
    label: str
    label_index: int


def _read_json(content: bytes) -> object:
    try:
        return json_input.loads(content)
    except (ValueError, RecursionError):
        raise ValueError('not JSON') from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def _checked_label(holder: dict) -> tuple[str, int]:
    label, index = holder.get('label'), holder.get('label_index')
    if not isinstance(label, str) or type(index) is not int or not 0 <= index < MAX_CLASSES:
        raise ValueError(f'label must be text and label_index a number from 0, got {_shown(label)}, {_shown(index)}')
    return label, index


def parse_table(content: bytes) -> dict[str, Entry]:
    """Read the table of a split: ``has_skeleton``, ``label``, ``label_index`` by video id.

    Raises:
        ValueError: If it is not a table, an id is not a file name, or a label has two numbers or a number two labels.
    """
    table = _read_json(content)
    if not isinstance(table, dict) or not table:
        raise ValueError('not a JSON object of video ids')
    entries = {}
    for name, entry in table.items():
        if not _ID.fullmatch(name) or name in ('.', '..'):
            raise ValueError(f'{_shown(name)} is not a valid video id: it points outside of the folder')
        if not isinstance(entry, dict) or not isinstance(entry.get('has_skeleton'), bool):
            raise ValueError(f'{_shown(name)}: an entry must have has_skeleton, true or false; got {_shown(entry)}')
        try:
            entries[name] = Entry(entry['has_skeleton'], *_checked_label(entry))
        except ValueError as why:
            raise ValueError(f'{_shown(name)}: {why}') from None
    check_labels(entries.values())
    return entries


def check_labels(entries: Iterable[Entry]) -> list[str]:
    """Labels by number; '' for unused numbers.

    Raises:
        ValueError: If a label has two numbers, or a number two labels.
    """
    numbers: dict[str, int] = {}
    labels: dict[int, str] = {}
    for entry in entries:
        number = numbers.setdefault(entry.label, entry.label_index)
        label = labels.setdefault(entry.label_index, entry.label)
        if number != entry.label_index:
            raise ValueError(f'label {entry.label!r} has label_index {number} and {entry.label_index}')
        if label != entry.label:
            raise ValueError(f'label_index {entry.label_index} is {label!r} and {entry.label!r}')
    return [labels.get(number, '') for number in range(max(labels, default=-1) + 1)]


def parse_clip(content: bytes, persons_in: int = PERSONS_IN, persons_out: int = PERSONS_OUT) -> Clip:
    """Convert the content of a file to a clip.

    Args:
        content: Parsed JSON.
        persons_in: Number of persons per frame to consider, in the order of the file.
        persons_out: Number of persons to select by the sum of scores, descending; ties are in the order of the file.

    Raises:
        ValueError: If the content violates the layout, or a number is not finite.
    """
    clip = _read_json(content)
    if not isinstance(clip, dict) or not isinstance(clip.get('data'), list):
        raise ValueError("not a JSON object with a list 'data'")
    label, index = _checked_label(clip)
    frames, slots, rows = set(), [], []
    for frame in clip['data']:
        number, persons = _checked_frame(frame)
        if number in frames:
            raise ValueError(f'frame {number} is listed twice')
        frames.add(number)
        for slot, person in enumerate(persons[:persons_in]):
            slots.append((slot, number))
            rows.append(_numbers(person, number))
    length = max(frames, default=-1) + 1
    if not rows:
        nobody = np.zeros((0, length, NUM_JOINTS, 3), np.float32)
        return Clip(nobody[..., :2], nobody[..., 2], label, index)
    try:
        joints = np.array(rows, np.float64)
    except OverflowError:  # JSON allows integers of any length
        joints = np.array(np.inf)
    if not (np.abs(joints) <= LIMIT).all():
        raise ValueError(f'has NaN, infinite numbers, or numbers beyond {LIMIT:g}')
    joints = joints.astype(np.float32)
    if (joints[:, 2 * NUM_JOINTS :] < 0).any():
        raise ValueError('has a negative score')
    slot, frame = np.array(slots).T
    every = np.zeros((max(slot) + 1, length, 3 * NUM_JOINTS), np.float32)
    every[slot, frame] = joints
    keypoint = every[..., : 2 * NUM_JOINTS].reshape(*every.shape[:2], NUM_JOINTS, 2)
    score = every[..., 2 * NUM_JOINTS :]
    order = np.argsort(-score.sum(-1), axis=0, kind='stable')[:persons_out]
    score = np.take_along_axis(score, order[..., None], axis=0)
    keypoint = np.take_along_axis(keypoint, order[..., None, None], axis=0)
    return Clip(np.where(score[..., None] == 0, np.float32(0), keypoint), score, label, index)


def _checked_frame(frame: object) -> tuple[int, Sequence]:
    if not isinstance(frame, dict) or not isinstance(frame.get('skeleton'), list):
        raise ValueError("a frame is not a JSON object with a list 'skeleton'")
    number = frame.get('frame_index')
    if type(number) is not int or not 0 <= number < MAX_FRAMES:
        raise ValueError(f'frame_index must be 0 to {MAX_FRAMES - 1}, got {_shown(number)}')
    return number, frame['skeleton']


def _numbers(person: object, frame: int) -> list:
    """Concatenate x0, y0, x1, ... and the scores."""
    pose, score = (person.get('pose'), person.get('score')) if isinstance(person, dict) else (None, None)
    if not isinstance(pose, list) or not isinstance(score, list):
        raise ValueError(f"a person of frame {frame} has no lists 'pose' and 'score'")
    if len(pose) != 2 * NUM_JOINTS or len(score) != NUM_JOINTS:
        raise ValueError(
            f'a person of frame {frame} has {len(pose)} coordinates and {len(score)} scores, not {2 * NUM_JOINTS} and '
            f'{NUM_JOINTS}'
        )
    row = pose + score
    if not {int, float}.issuperset(map(type, row)):
        raise ValueError(f'a person of frame {frame} has a coordinate or score that is not a number')
    return row
