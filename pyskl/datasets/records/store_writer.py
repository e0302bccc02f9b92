"""Write a record store one record at a time, holding only names and a few numbers per record in memory."""

import json
import os
import zlib
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pyskl.datasets.records.annotations import Splits, each_annotation, identifier, read_annotations
from pyskl.datasets.records.clip_table import COLUMNS, VALID_SCORES, valid_of
from pyskl.datasets.records.parallel import ParallelRecords, cores
from pyskl.datasets.records.pickle_memo import NotParallelError, SharedObjectsError
from pyskl.datasets.records.store_entry import Entry, EntryMaker
from pyskl.datasets.records.store_format import (
    ALIGN,
    HEADER,
    MAGIC,
    MAX_KINDS,
    ROW,
    VERSION,
    WHOLE,
    Schema,
    block_crc,
    header_crc,
)

PARALLEL_BYTES = 2**26  # smaller pickles are read by one process
_NO_VALID = valid_of({})


class TooManyKindsError(NotParallelError):
    """The records have more kinds in total than a store can hold, although no process has counted too many."""


class StoreWriter:
    """Write a store.

    Args:
        file: An empty file, positioned at 0. It has no header, and is not a valid store, until :meth:`finish`.
        prepare: Maps a valid record to the one that is stored instead.
    """

    def __init__(self, file: BinaryIO, prepare: Callable[[dict], dict] | None = None) -> None:
        self._file = file
        self._position = 0
        self.maker, self.identifier = EntryMaker(prepare), None
        self._schemas: list[Schema] = [WHOLE]
        self._numbers = {WHOLE: 0}
        self._rows = bytearray()
        self._names, self._members, self._named = [], [], True
        self._labels, self._shapes, self._has_score = array('q'), array('i'), bytearray()
        self._ranges, self._valid, self._any_valid = array('f'), array('f'), False
        self._problems: list[tuple[int, str]] = []
        self._write(bytes(ALIGN))

    def __len__(self) -> int:
        return len(self._labels)

    def add(self, record: dict, keep_bad: bool = True) -> str | None:
        """Append a record and return its problem (None for a valid one).

        Args:
            record: A record of the annotation file; the tables describe its shape and label.
            keep_bad: Whether to store an invalid record unchanged; training raises if it uses it.
        """
        if self.identifier is None:
            self.identifier = identifier([record])
        entry = self.maker.entry(record, self.identifier)
        return self.append(entry, keep_bad)

    def append(self, entry: Entry, keep_bad: bool = True) -> str | None:
        """Append an entry of :class:`EntryMaker`; see :meth:`add`.

        Raises:
            TooManyKindsError: If the records have more kinds in total than a store can hold.
        """
        if entry.problem is not None and not keep_bad:
            return entry.problem
        index, name = len(self), entry.name
        if name is None:
            name = str(index)
        same = type(entry.member) is str and entry.member == name
        self._named &= same
        self._names.append(name)
        self._members.append(name if same else str(entry.member))  # share one string if they are equal
        if entry.problem is not None:
            self._problems.append((index, entry.problem))
        self._shapes.extend(entry.shape)
        self._ranges.extend(entry.ranges)
        self._any_valid |= entry.valid is not None
        self._valid.extend(_NO_VALID if entry.valid is None else entry.valid)
        self._has_score.append(entry.has_score)
        self._labels.append(entry.label)
        kind = self._number(entry.schema)
        self._rows += ROW.pack(self._position, kind, block_crc(entry.block, index, self._position, kind))
        self._write(entry.block)
        return entry.problem

    def finish(self, splits: Splits | None, source: str, steps: Sequence[dict] = ()) -> None:
        """Append the tables and write the header.

        Args:
            splits: Clip names by split.
            source: Path of the annotation file.
            steps: Steps applied to the records (:mod:`pyskl.datasets.pipelines.precomputed`).
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
            'identifier': self.identifier,
            'named': self._named,  # whether splits refer to the names in the table
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
        """Count the names without a record in each split."""
        known = set(self._members)
        return [sum(str(member) not in known for member in set(members)) for members in splits.values()]

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._position += len(data)

    def _put(self, table: np.ndarray) -> tuple[str, tuple[int, ...], int, int]:
        """Append a table and return its dtype, shape, offset and CRC-32."""
        self._write(bytes(-self._position % ALIGN))
        place = self._position
        data = memoryview(table).cast('B') if table.size else b''
        self._write(data)
        return table.dtype.str, table.shape, place, zlib.crc32(data)

    def _number(self, schema: Schema) -> int:
        if schema not in self._numbers:
            if len(self._schemas) > MAX_KINDS:
                raise TooManyKindsError
            self._numbers[schema] = len(self._schemas)
            self._schemas.append(schema)
        return self._numbers[schema]


def _texts(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Concatenate texts as bytes; return the offset of each, followed by the end of the last, and the bytes."""
    content, ends = bytearray(), array('q', [0])
    for text in texts:
        content += text.encode('utf-8', 'surrogatepass')
        ends.append(len(content))
    return np.frombuffer(ends, np.int64), np.frombuffer(content, np.uint8)


def _numbers(members: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Return the indices of a split's records, in the order of the records as in PYSKL."""
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
    alive: Callable[[], None] | None = None,
) -> None:
    """Write a store of annotation files that need not fit into memory.

    Args:
        paths: A pickle, or a store without precomputed steps; several are concatenated with their splits.
        file: See :class:`StoreWriter`.
        prepare: Applied to each record; None stores them unchanged.
        steps: Description of ``prepare``, recorded in the store.
        left_out: Receives (name, problem) of each invalid record, which is then omitted; None stores invalid records.
        alive: Called for each record.

    Raises:
        OSError: If a file cannot be read or written.
        ValueError: If a file is not an annotation file, two do not fit together, or ``prepare`` raises for a record.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    unstreamed: set[str | Path] = set()  # files that cannot be streamed
    processes = cores()
    while True:
        writer, bad = StoreWriter(file, prepare), []
        try:
            splits = _add_all(paths, unstreamed, writer, None if left_out is None else bad, processes, alive)
        except (SharedObjectsError, NotParallelError) as error:
            if isinstance(error, NotParallelError):
                processes = 1
            file.seek(0)
            file.truncate()
            continue
        break
    if left_out is not None:
        left_out += bad
    writer.finish(splits, os.path.abspath(paths[0]), steps)


def _add_all(
    paths: Sequence[str | Path],
    unstreamed: set[str | Path],
    writer: StoreWriter,
    left_out: list[tuple[str, str]] | None,
    processes: int,
    alive: Callable[[], None] | None,
) -> Splits | None:
    """Add the records of all files and return the joined splits; files that cannot be streamed go to ``unstreamed``."""
    number, path, seen, joined = 0, paths[0], {}, None

    def add(record: dict) -> None:
        name = record.get('frame_dir', record.get('filename', f'record {number}'))
        if len(paths) > 1 and seen.setdefault(str(name), path) != path:
            raise ValueError(f'clip {name!r} is in {seen[str(name)]} and in {path}')
        added(name, writer.add(record, keep_bad=left_out is None))

    def added(name: object, problem: str | None) -> None:
        nonlocal number
        if problem is not None and left_out is not None:
            left_out.append((str(name), problem))
        number += 1
        if alive is not None:
            alive()

    def others(key: Callable[[], str], count_in: Callable[[object], None]) -> ParallelRecords:
        def append(entry: Entry) -> None:
            count_in(entry.member)
            added(f'record {number}' if entry.name is None else entry.name, writer.append(entry, left_out is None))

        return ParallelRecords(processes, key, writer.maker, append)

    for path in paths:
        if path in unstreamed:
            records, splits = read_annotations(path)
            for record in records:
                add(record)
        else:
            try:
                large = len(paths) == 1 and processes > 1 and os.path.getsize(path) >= PARALLEL_BYTES
                splits = each_annotation(path, add, others if large else None)
            except SharedObjectsError:
                unstreamed.add(path)
                raise
        if path == paths[0]:
            joined = splits
            continue
        if (splits is None) != (joined is None) or set(splits or ()) != set(joined or ()):
            listed = ['no splits' if own is None else f'the splits {sorted(own)}' for own in (joined, splits)]
            raise ValueError(f'{paths[0]} has {listed[0]} and {path} has {listed[1]}; they must have the same splits')
        for split, members in (splits or {}).items():
            joined[split] = [*joined[split], *members]
    return joined
