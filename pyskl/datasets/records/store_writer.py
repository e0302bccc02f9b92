"""Writing a record store, one record at a time: only names and a few numbers per record stay in memory."""

import json
import os
import warnings
import zlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pyskl.datasets.records.annotations import Splits, each_annotation, identifier, read_annotations, record_problem
from pyskl.datasets.records.boxes import boxes_shape, has_boxes
from pyskl.datasets.records.clip_table import COLUMNS, NO_LABEL, UNKNOWN, VALID_SCORES, label_of, ranges_of, valid_of
from pyskl.datasets.records.pickle_memo import SharedObjectsError
from pyskl.datasets.records.pickle_objects import shown
from pyskl.datasets.records.store_format import (
    ALIGN,
    HEADER,
    MAGIC,
    MAX_KINDS,
    ROW,
    VERSION,
    WHOLE,
    Kind,
    Schema,
    block_crc,
    encoded,
    header_crc,
    schema_of,
)


class StoreWriter:
    """Writes a store.

    Args:
        file: An empty file, positioned at 0. Until :meth:`finish` it has no header, and does not count as a store.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0
        self._kinds, self._numbers = [Kind(WHOLE)], {}
        self._schemas: list[Schema] = [WHOLE]
        self._rows = bytearray()
        self._names, self._members, self._named = [], [], True
        self._identifier = None
        self._labels, self._shapes, self._has_score = array('q'), array('i'), bytearray()
        self._ranges, self._valid, self._any_valid = array('f'), array('f'), False
        self._problems: list[tuple[int, str]] = []
        self._dropped = set()
        self._write(bytes(ALIGN))

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, record: dict, prepare: Callable[[dict], dict] | None = None, keep_bad: bool = True) -> str | None:
        """Append a record, and say what is wrong with it.

        Args:
            record: As the annotation file has it; the tables describe its shape and label.
            prepare: Maps a valid record to the one that is stored in its place.
            keep_bad: Whether one that training refuses is appended too, as it is; it is refused only where it is used.
        """
        problem = record_problem(record)
        if problem is not None and not keep_bad:
            return problem
        index = len(self)
        if self._identifier is None:
            self._identifier = identifier([record])
        name = record.get('frame_dir', record.get('filename', index))
        name = str(name) if isinstance(name, str | int | float | np.generic) else shown(name)
        member = record.get(self._identifier)
        same = type(member) is str and member == name
        self._named &= same
        self._names.append(name)
        self._members.append(name if same else str(member))  # one string in memory where they are equal
        shape, has_score = (0, 0, 0, 0), False
        if problem is not None:
            self._problems.append((index, problem))
        elif record.get('keypoint') is not None:
            boxes = has_boxes(record)
            shape = boxes_shape(record) if boxes else record['keypoint'].shape
            has_score = boxes or record.get('keypoint_score') is not None
        self._shapes.extend(shape)
        self._ranges.extend((ranges_of(record) if problem is None else UNKNOWN).tolist())
        self._any_valid |= 'valid' in record
        self._valid.extend(valid_of(record))
        self._has_score.append(has_score)
        self._labels.append(_label(record))
        kind, block = self._block(record if prepare is None or problem is not None else prepare(record))
        self._rows += ROW.pack(self._position, kind, block_crc(block, index, self._position, kind))
        self._write(block)
        return problem

    def finish(self, splits: Splits | None, source: str, steps: Sequence[dict] = ()) -> None:
        """Append the tables and fill in the header.

        Args:
            splits: Names by split.
            source: The path of the annotation file.
            steps: What has been done to the records (:mod:`pyskl.datasets.pipelines.precomputed`).
        """
        self._rows += ROW.pack(self._position, 0, 0)
        names, problems = _texts(self._names), _texts(problem for _, problem in self._problems)
        tables = {
            'rows': np.frombuffer(self._rows, np.uint8).reshape(-1, ROW.size),
            'labels': np.frombuffer(self._labels, np.int64),
            'shapes': np.frombuffer(self._shapes, np.int32).reshape(-1, 4),
            'has_score': np.frombuffer(self._has_score, np.bool_),
            'ranges': np.frombuffer(self._ranges, np.float32).reshape(-1, len(COLUMNS)),
            'names_ends': names[0],
            'names': names[1],
            'problem_rows': np.array([index for index, _ in self._problems], np.int64),
            'problems_ends': problems[0],
            'problems': problems[1],
        }
        if self._any_valid:
            tables['valid'] = np.frombuffer(self._valid, np.float32).reshape(-1, 1 + len(VALID_SCORES))
        places = {name: self._put(table) for name, table in tables.items()}
        for number, members in enumerate((splits or {}).values()):
            places[f'split {number}'] = self._put(_numbers(self._members, members))
        start = self._position
        directory = {
            'source': source,
            'identifier': self._identifier,
            'named': self._named,  # whether splits go by the table of names
            'steps': list(steps),
            'splits': None if splits is None else list(splits),
            'missing': self._missing(splits or {}),
            'kinds': self._schemas,
            'tables': places,
        }
        self._write(json.dumps(directory).encode())
        size = self._position
        crc = header_crc(json.dumps(directory).encode(), start, size)
        self._file.seek(0)
        self._file.write(HEADER.pack(MAGIC, VERSION, crc, size, start))

    def _missing(self, splits: Splits) -> list[int]:
        """Names of each split that no record has."""
        known = set(self._members)
        return [sum(str(member) not in known for member in set(members)) for members in splits.values()]

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._position += len(data)

    def _put(self, table: np.ndarray) -> tuple[str, tuple[int, ...], int, int]:
        """Append a table: its dtype, shape, place and CRC-32."""
        self._write(bytes(-self._position % ALIGN))
        place = self._position
        data = memoryview(table).cast('B') if table.size else b''
        self._write(data)
        return table.dtype.str, table.shape, place, zlib.crc32(data)

    def _block(self, record: dict) -> tuple[int, bytes]:
        """The number of the record's kind, and its block."""
        schema = schema_of(record)
        try:
            number = self._number(schema)
            return number, self._kinds[number].write(record)
        except TypeError:
            kept = {key: value for key, value in record.items() if self._can_be_kept(key, value)}
            number = self._number(schema_of(kept))
            return number, self._kinds[number].write(kept)

    def _number(self, schema: Schema) -> int:
        if schema not in self._numbers:
            if len(self._kinds) > MAX_KINDS:
                return 0
            self._numbers[schema] = len(self._kinds)
            self._kinds.append(Kind(schema))
            self._schemas.append(schema)
        return self._numbers[schema]

    def _can_be_kept(self, key: object, value: object) -> bool:
        try:
            encoded(value)
        except TypeError:
            if key not in self._dropped:
                warnings.warn(f'the records hold {key!r} of type {type(value).__name__}, which is left out')
                self._dropped.add(key)
            return False
        return True


def _label(record: dict) -> int:
    """The class; -1 for none, several, or a value that is not a number."""
    try:
        return max(label_of(record), NO_LABEL)
    except (ValueError, TypeError, OverflowError):
        return NO_LABEL


def _texts(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Where each text begins, and where the last one ends; all of them as bytes."""
    content, ends = bytearray(), array('q', [0])
    for text in texts:
        content += text.encode('utf-8', 'surrogatepass')
        ends.append(len(content))
    return np.frombuffer(ends, np.int64), np.frombuffer(content, np.uint8)


def _numbers(members: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Which records a split has, in the order of the records: PYSKL's."""
    wanted = set(map(str, wanted))
    return np.array([i for i, member in enumerate(members) if member in wanted], np.int64)


def write_store(file: BinaryIO, records: Iterable[dict], splits: Splits | None, source: str) -> None:
    """Write a store of ``records``; see :class:`StoreWriter`."""
    writer = StoreWriter(file)
    for record in records:
        writer.add(record)
    writer.finish(splits, source)


def pack_annotations(
    paths: str | Path | Sequence[str | Path],
    file: BinaryIO,
    prepare: Callable[[dict], dict] | None = None,
    steps: Sequence[dict] = (),
    left_out: list[tuple[str, str]] | None = None,
) -> None:
    """Write a store of annotation files, none of which needs to fit into memory.

    Args:
        paths: A pickle, or a store that has taken no steps; of several, the records and splits of all, in order.
        file: As of :class:`StoreWriter`.
        prepare: What is done to each record; None leaves them as they are.
        steps: What ``prepare`` does, for the store to tell.
        left_out: Gets (name, what is wrong) of each record that training refuses; None keeps these too.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If a file is not an annotation file, two do not belong together, or ``prepare`` refuses a record.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    whole: set[str | Path] = set()  # files that have to be read at once
    while True:
        writer, bad = StoreWriter(file), []
        try:
            splits = _add_all(paths, whole, writer, prepare, None if left_out is None else bad)
        except SharedObjectsError:
            file.seek(0)
            file.truncate()
            continue
        break
    if left_out is not None:
        left_out += bad
    writer.finish(splits, os.path.abspath(paths[0]), steps)


def _add_all(
    paths: Sequence[str | Path],
    whole: set[str | Path],
    writer: StoreWriter,
    prepare: Callable[[dict], dict] | None,
    left_out: list[tuple[str, str]] | None,
) -> Splits | None:
    """Add every record of every file; the splits of all. A file that has to be read at once is put into ``whole``."""
    number, path, seen, joined = 0, paths[0], {}, None

    def add(record: dict) -> None:
        nonlocal number
        name = record.get('frame_dir', record.get('filename', f'record {number}'))
        if len(paths) > 1 and seen.setdefault(str(name), path) != path:
            raise ValueError(f'clip {name!r} is in {seen[str(name)]} and in {path}')
        problem = writer.add(record, prepare, keep_bad=left_out is None)
        if problem is not None and left_out is not None:
            left_out.append((str(name), problem))
        number += 1

    for path in paths:
        if path in whole:
            records, splits = read_annotations(path)
            for record in records:
                add(record)
        else:
            try:
                splits = each_annotation(path, add)
            except SharedObjectsError:
                whole.add(path)
                raise
        if path == paths[0]:
            joined = splits
            continue
        if (splits is None) != (joined is None) or set(splits or ()) != set(joined or ()):
            held = ['no splits' if own is None else f'the splits {sorted(own)}' for own in (joined, splits)]
            raise ValueError(f'{paths[0]} has {held[0]} and {path} has {held[1]}; they must be the same')
        for split, members in (splits or {}).items():
            joined[split] = [*joined[split], *members]
    return joined
