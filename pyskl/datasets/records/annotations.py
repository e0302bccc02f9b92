"""Annotation pickles: their format, reading, validation and writing.

PYSKL's format: ``{'split': {name: [frame_dir, ...]}, 'annotations': [record, ...]}``, or a list of records. A record
is ``{frame_dir, label, total_frames, keypoint (M, T, V, C), keypoint_score (M, T, V)?, img_shape?, original_shape?}``;
``C`` is 2 (pixels, with ``keypoint_score``) or 3 (metres). Kinetics-400's records have one row per detected person
instead of M and T (:mod:`pyskl.datasets.records.boxes`).
"""

import math
import pickle
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pyskl.datasets.records.boxes import boxes_problem, has_boxes, whole_number
from pyskl.datasets.records.clip_table import label_of
from pyskl.datasets.records.pickle_objects import check_key
from pyskl.datasets.records.pickle_stream import stream_annotations
from pyskl.datasets.records.safe_pickle import load_numbers
from pyskl.datasets.records.store import RecordStore, is_store
from pyskl.files import replacing
from pyskl.registry import nearest

Splits = dict[str, list[str]]


def read_annotations(path: str | Path) -> tuple[Sequence[dict], Splits | None]:
    """Read the records of an annotation file and its splits (None if it has none).

    Args:
        path: The pickle, or a store (:mod:`pyskl.datasets.records.store`), whose arrays are read-only.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is neither, contains anything but numbers and containers, or all clips of its splits lack a
            record.
    """
    if Path(path).is_file() and is_store(path):
        store = RecordStore(path, verify=True)
        return store, store.split_names()
    content = load_numbers(path)
    records, splits = (content, None)
    if isinstance(content, dict) and isinstance(content.get('annotations'), list | tuple):
        records, splits = content['annotations'], content.get('split')
    if not isinstance(records, list | tuple):
        raise _no_annotations(path, content)
    names = _Names(path)
    records = [names.checked(record) for record in records]
    return records, names.without_missing(names.checked_splits(splits, subset=True))


def each_annotation(
    path: str | Path, take: Callable[[dict], None], others: Callable[[Callable, Callable], Callable] | None = None
) -> Splits | None:
    """Read an annotation file of any size and call ``take`` with each record in order, holding one at a time.

    Args:
        path: The file.
        take: Called with each record.
        others: Creates the reader for the rest of a large pickle (:mod:`pyskl.datasets.records.parallel`) from two
            functions: one returns the key of names, one counts the name of a record that ``take`` is not called with.

    Returns:
        The splits; None if the file has none.

    Raises:
        OSError, ValueError: As :func:`read_annotations`; ``take`` may have been called before.
        SharedObjectsError: If the pickle has to be read at once.
    """
    if Path(path).is_file() and is_store(path):
        store = RecordStore(path, verify=True)
        for record in store:
            take(record)
        return store.split_names()
    names = _Names(path)
    reader = None if others is None else others(lambda: names.key, names.count_in)
    rest = stream_annotations(path, lambda record: take(names.checked(record)), reader)
    if isinstance(rest, dict) and type(rest.get('annotations')) is tuple:
        for record in rest.pop('annotations'):
            take(names.checked(record))
    elif not names.count and rest != [] and (not isinstance(rest, dict) or 'annotations' not in rest):
        raise _no_annotations(path, rest)
    return names.checked_splits(rest.get('split') if isinstance(rest, dict) else None, subset=True)


def _no_annotations(path: str | Path, content: object) -> ValueError:
    found = f'a dict with keys {sorted(map(str, content))[:8]}' if isinstance(content, dict) else type(content)
    return ValueError(
        f"annotation file {str(path)!r} contains {found}; it must be a dict with 'split' and 'annotations', or a list "
        f'of dicts'
    )


class _Names:
    """Validate the records of an annotation file one by one, then its splits against their names."""

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self.count = 0
        self.key = None
        self._names = set()

    def checked(self, record: object) -> dict:
        """Register a record's name, convert its arrays to plain ndarrays and return the record.

        Raises:
            ValueError: If it is not a dict.
        """
        if not isinstance(record, dict):
            raise _no_annotations(self.path, [record])
        if self.key is None:
            self.key = identifier([record])
        self.count_in(record.get(self.key))
        return plain_arrays(record)

    def count_in(self, name: object) -> None:
        """Register the name of a record."""
        self.count += 1
        self._names.add(name if _is_name(name) else _Unnamed(name))

    def without_missing(self, splits: Splits | None) -> Splits | None:
        """Drop names without a record from the splits; warn once with their number."""
        if splits is None:
            return None
        left = {split: [name for name in members if name in self._names] for split, members in splits.items()}
        lost = sum(map(len, splits.values())) - sum(map(len, left.values()))
        if lost:
            warnings.warn(f'{self.path}: {lost} clips named by the splits have no record ({self.count} records)')
        return left

    def checked_splits(self, splits: object, subset: bool = False) -> Splits | None:
        """Validate the splits and return them as lists.

        Args:
            splits: The splits in the file.
            subset: Whether some of their names, but not all, may be without a record.

        Raises:
            ValueError: If there are no records, or a split is invalid.
        """
        if not self.count:
            raise ValueError(f'annotation file {str(self.path)!r} has no records')
        if splits is None:
            return None
        where = f'annotation file {str(self.path)!r}'
        if not isinstance(splits, dict):
            raise ValueError(f"{where}: 'split' must be a dict of lists, got {type(splits).__name__}")
        bad = next((name for name in self._names if isinstance(name, _Unnamed)), None)
        if bad is not None:
            raise ValueError(
                f'{where}: a record has {self.key} {shown(bad.value)}; it must be text for splits to refer to it'
            )
        any_there = any(
            _is_name(member) and member in self._names
            for members in splits.values()
            if isinstance(members, list | tuple | set | frozenset) or np.ndim(members) == 1
            for member in members
        )
        for split, members in splits.items():
            kinds = list | tuple | set | frozenset | np.ndarray
            if not isinstance(members, kinds) or (isinstance(members, np.ndarray) and members.ndim != 1):
                raise ValueError(f'{where}: split {split!r} is {shown(members)}; it must be a list of names')
            missing = [member for member in members if not _is_name(member) or member not in self._names]
            if missing and not (subset and any_there and all(map(_is_name, missing))):
                raise ValueError(
                    f'{where}: {len(missing)} clips of split {split!r} have no annotation ({self.count} annotations), '
                    f'first {shown(missing[0])}; compare their {self.key}'
                )
        return {str(split): list(members) for split, members in splits.items()}


def plain_arrays(record: dict) -> dict:
    """Convert the arrays of a record to plain ndarrays in place, and return the record."""
    for key, value in record.items():
        if isinstance(value, np.ndarray):
            record[key] = value.view(np.ndarray)
    return record


class _Unnamed:
    """Placeholder for an invalid name."""

    def __init__(self, value: object) -> None:
        self.value = value


def _is_name(value: object) -> bool:
    try:
        check_key(value)
    except ValueError:
        return False
    return True


def shown(value: object) -> str:
    """Format ``value`` for a message, truncated to 80 characters."""
    text = ' '.join(repr(value).split())
    return text if len(text) <= 80 else f'{text[:77]}...'


def identifier(records: Sequence[dict]) -> str:
    """Return the key that splits refer to, by PYSKL's rule."""
    return 'filename' if 'filename' in records[0] else 'frame_dir'


def unknown_split(path: str | Path, split: str, known: Sequence[str] | None) -> ValueError:
    """Build the error for an unknown split."""
    if not known:
        return ValueError(f'annotation file {str(path)!r} has no splits, got split={split!r}; remove split')
    return ValueError(
        f'annotation file {str(path)!r} has no split {split!r}{nearest(split, known)} (splits: {sorted(known)})'
    )


def record_problem(record: dict) -> str | None:
    """Describe what is wrong with a record and what would be valid; None for a valid record.

    A record of boxes (:mod:`pyskl.datasets.records.boxes`) may name a ``raw_file`` with its joints instead of having
    ``keypoint``.
    """
    keypoint, score = record.get('keypoint'), record.get('keypoint_score')
    if keypoint is None:
        if 'frame_inds' in record:
            return boxes_problem(record) or _image_problem(record)
        if 'raw_file' in record:
            return _image_problem(record)
        return f"has no 'keypoint' (keys: {sorted(map(str, record))}); it must be an array (M, T, V, C)"
    boxes = has_boxes(record)
    problem = boxes_problem(record) if boxes else _shape_problem(record, keypoint, score)
    if problem is not None:
        return problem
    for key, array in (('keypoint', keypoint), ('keypoint_score', score)):
        # Fast check: a finite sum implies finite values. A non-finite one may also be overflow, so count.
        with np.errstate(all='ignore'):
            if array is None or array.dtype.kind != 'f' or np.isfinite(np.sum(array, dtype=np.float32)):
                continue
        count = array.size - int(np.isfinite(array).sum())
        if count:
            return f'has {count} NaN or infinite values in {key}; set undetected joints to 0'
    try:
        label_of(record)
    except (ValueError, TypeError, OverflowError):
        return f'has label {shown(record["label"])}; it must be a class index'
    return _image_problem(record) if boxes or keypoint.shape[-1] == 2 else None


def _image_problem(record: dict) -> str | None:
    size = record.get('img_shape', (1, 1))
    try:
        height, width = map(float, size)
        valid = 0 < height < math.inf and 0 < width < math.inf
    except (TypeError, ValueError, OverflowError):
        valid = False
    return None if valid else f'has img_shape {shown(size)}; it must be (height, width) in pixels, or absent'


def _shape_problem(record: dict, keypoint: object, score: object) -> str | None:
    if not isinstance(keypoint, np.ndarray) or keypoint.ndim != 4 or keypoint.dtype.kind not in 'fiu':
        found = f'{keypoint.dtype} {keypoint.shape}' if isinstance(keypoint, np.ndarray) else type(keypoint).__name__
        return f'has keypoint {found}; it must be an array of numbers (M, T, V, C)'
    persons, frames, joints, channels = keypoint.shape
    if persons == 0:
        return f'has no person: keypoint {keypoint.shape}; remove the record'
    if frames == 0:
        return f'has no frames: keypoint {keypoint.shape}; remove the record'
    if joints == 0 or channels not in (2, 3):
        return f'has keypoint {keypoint.shape}; (M, T, V, C) needs V of at least 1 and C of 2 or 3'
    total = record.get('total_frames')
    if total is not None and whole_number(total) != frames:
        return f'has total_frames={shown(total)} but keypoint {keypoint.shape}, {frames} frames; make them equal'
    if score is None:
        return None
    if not isinstance(score, np.ndarray) or score.shape != keypoint.shape[:3] or score.dtype.kind not in 'fiu':
        found = score.shape if isinstance(score, np.ndarray) else type(score).__name__
        return f'has keypoint_score {found} but keypoint {keypoint.shape}; the score must be {keypoint.shape[:3]}'
    if channels != 2:
        return f'has keypoint {keypoint.shape} and keypoint_score; only joints with 2 coordinates can have a score'
    return None


def write_annotations(path: str | Path, annotations: Sequence[dict], split: Splits | None = None) -> None:
    """Write an annotation pickle atomically.

    Args:
        path: The file; its folder is created.
        annotations: The records; they are validated.
        split: Clip names by split; None writes a list of records.

    Raises:
        ValueError: If a record or a split is invalid.
    """
    path = Path(path)
    annotations = list(annotations)
    for record in annotations:
        problem = record_problem(record)
        if problem is not None:
            raise ValueError(f'{path}: record {record.get("frame_dir")!r} {problem}')
    content = annotations
    if split is not None:
        names = _Names(path)
        content = {'annotations': [names.checked(record) for record in annotations]}
        content = {'split': names.checked_splits(split), **content}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        pickle.dump(content, file, protocol=4)
