"""Record store: annotation records shared by all workers and ranks of a machine.

A pickle's arrays are copied into every process that reads it. A store is one flat file from which each process reads
the blocks it needs, and the operating system caches them once for all processes. It contains no pickle, so reading it
cannot run code. Opening a store takes the same time for ten and for a million records, since everything is read on
demand. Stores are never modified and need no locks or further files, so machines may share one over a network.

Every offset, count and size is validated before use. The file is read rather than memory-mapped: if another program
truncates it during a run, an error names it, whereas a mapped file would crash the process. Cold random reads fetch
only what they need: 256 records of 60 KB took 16 MB of disk reads, against 349 MB for a memory map with the system's
read-ahead. Format: :mod:`pyskl.datasets.records.store_format`.
"""

import json
import os
import struct
import threading
import weakref
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from pyskl.datasets.records.clip_table import VALID_SCORES
from pyskl.datasets.records.store_directory import Table, check_directory, check_table
from pyskl.datasets.records.store_format import (
    HEADER,
    MAGIC,
    ROW,
    VERSION,
    Kind,
    TornStoreError,
    block_crc,
    header_crc,
)

# Exceptions when reading damaged bytes.
_BROKEN = (ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError, RecursionError, struct.error)


def is_store(path: str | Path) -> bool:
    """Whether the file begins like a store of any version.

    Raises:
        OSError: If it cannot be read.
    """
    with open(path, 'rb') as file:
        return file.read(len(MAGIC)) == MAGIC


class RecordStore(Sequence):
    """The records of one annotation file; ``store[i]`` is :meth:`record`.

    Args:
        path: A file written by :class:`~pyskl.datasets.records.store_writer.StoreWriter`.
        verify: Whether to verify the checksum of each record that is read; tables are always verified on first use.

    Raises:
        OSError: If the file cannot be opened.
        TornStoreError: If it is not a complete store.
    """

    def __init__(self, path: str | Path, verify: bool = False) -> None:
        self.path = Path(path)
        self._verify = verify
        self._file = os.open(self.path, os.O_RDONLY | getattr(os, 'O_BINARY', 0) | getattr(os, 'O_CLOEXEC', 0))
        weakref.finalize(self, os.close, self._file)
        self._lock = threading.Lock()
        self._advise('POSIX_FADV_RANDOM')  # records are read in random order: read-ahead would be wasted
        self._size = os.fstat(self._file).st_size
        directory = self._read_directory()
        try:
            check_directory(directory, self._start)
            self._tables_at = {name: Table(*place) for name, place in directory['tables'].items()}
            self._split_names = directory['splits']
            self._missing: list[int] = directory.get('missing') or []
            self._kinds = [Kind(schema) for schema in directory['kinds']]
            self.source: str = directory['source']
            self.identifier: str | None = directory['identifier']
            self._named: bool = directory['named']
            self.steps: list[dict] = directory['steps']
            self._rows = self._tables_at['rows'].offset
            self._length = self._tables_at['rows'].shape[0] - 1
        except _BROKEN as error:
            raise self._damaged(f'its directory ({type(error).__name__}: {error})') from None

    def _advise(self, how: str) -> None:
        if hasattr(os, 'posix_fadvise'):
            os.posix_fadvise(self._file, 0, 0, getattr(os, how))

    def _read(self, start: int, count: int) -> bytes:
        """Read bytes of the file.

        Raises:
            TornStoreError: If the file has been truncated since it was opened, or cannot be read.
        """
        data = b''
        try:
            while len(data) < count:  # the system reads at most 2 GB at a time
                if hasattr(os, 'pread'):
                    part = os.pread(self._file, count - len(data), start + len(data))
                else:  # Windows
                    with self._lock:
                        os.lseek(self._file, start + len(data), os.SEEK_SET)
                        part = os.read(self._file, count - len(data))
                if not part:
                    size = os.fstat(self._file).st_size
                    raise self._damaged(f'it was truncated while in use, {size} of {self._size} bytes remain')
                data = part if not data else data + part
        except OSError as error:
            raise TornStoreError(f'{str(self.path)!r} cannot be read: {error.strerror}') from None
        return data

    def _read_directory(self) -> object:
        if self._size == 0:
            raise TornStoreError(f'{str(self.path)!r} is empty')
        if self._size < HEADER.size:
            raise TornStoreError(f'{str(self.path)!r} is truncated')
        magic, version, crc, size, start = HEADER.unpack(self._read(0, HEADER.size))
        if magic != MAGIC:
            raise TornStoreError(f'{str(self.path)!r} is not a record store')
        if version != VERSION:
            raise TornStoreError(
                f'{str(self.path)!r} is a record store of version {version}, but version {VERSION} is needed: rebuild '
                f'it from its pickle'
            )
        if size != self._size:
            raise TornStoreError(f'{str(self.path)!r} is truncated or incomplete: {self._size} bytes instead of {size}')
        if not HEADER.size <= start <= size:
            raise self._damaged('header')
        self._start: int = start
        directory = self._read(start, size - start)
        if header_crc(directory, start, size) != crc:
            raise self._damaged('header or directory')
        try:
            return json.loads(directory)
        except (ValueError, RecursionError):
            raise self._damaged('directory') from None

    def _damaged(self, what: str) -> TornStoreError:
        return TornStoreError(f'{str(self.path)!r} is damaged: {what}; copy it again or rebuild it from its pickle')

    def __len__(self) -> int:
        return self._length

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self._verify)

    def __getitem__(self, index: int) -> dict:
        return self.record(index)

    def record(self, index: int) -> dict:
        """Return record ``index`` as a new dict with read-only arrays.

        Raises:
            IndexError: If ``index`` is out of range.
            TornStoreError: If it cannot be read or, with ``verify``, its checksum is wrong.
        """
        if not 0 <= index < self._length:
            raise IndexError(f'record {index} of a store of {self._length}')
        try:
            kind, block = self._block(int(index), self._verify)
            return self._kinds[kind].read(block)
        except TornStoreError:
            raise
        except _BROKEN:
            raise self._damaged(f'record number {index}') from None

    def __iter__(self) -> Iterator[dict]:
        self._advise('POSIX_FADV_SEQUENTIAL')
        try:
            for index in range(self._length):
                yield self.record(index)
        finally:
            self._advise('POSIX_FADV_RANDOM')

    def _block(self, index: int, verify: bool) -> tuple[int, bytes]:
        """Return kind and bytes of record ``index``."""
        rows = self._read(self._rows + ROW.size * index, 2 * ROW.size)
        (start, kind, crc), (end, _, _) = ROW.iter_unpack(rows)
        if not HEADER.size <= start <= end <= self._start or kind >= len(self._kinds):
            raise self._damaged(f'the location of record number {index}')
        block = self._read(start, end - start)
        if verify and block_crc(block, index, start, kind) != crc:
            raise self._damaged(f'record number {index}')
        return kind, block

    def damage(self) -> Iterator[str | int | None]:
        """Verify the whole file.

        Yields:
            Names of damaged tables; then, for each record, its index if it is damaged, else None.
        """
        self._advise('POSIX_FADV_SEQUENTIAL')
        for name in self._tables_at:
            try:
                self._read_table(name)
            except TornStoreError:
                yield name
        for index in range(self._length):
            try:
                kind, block = self._block(index, True)
                self._kinds[kind].read(block)
                yield None
            except _BROKEN:
                yield index
        self._advise('POSIX_FADV_RANDOM')

    def check_tables(self) -> None:
        """Verify all tables against their checksums without caching them.

        Raises:
            TornStoreError: If one is damaged.
        """
        for name in self._tables_at:
            self._read_table(name)

    def _table(self, name: str) -> np.ndarray:
        if name not in self._tables:
            self._tables[name] = self._read_table(name)
        return self._tables[name]

    def _read_table(self, name: str) -> np.ndarray:
        try:
            place = self._tables_at[name]
            data = self._read(place.offset, place.nbytes)
            if zlib.crc32(data) != place.crc:
                raise self._damaged(f'table {name!r}')
            table = np.frombuffer(data, place.dtype).reshape(place.shape)
            check_table(name, table, self._length, self._tables_at)
        except TornStoreError:
            raise
        except _BROKEN:
            raise self._damaged(f'table {name!r}') from None
        return table

    @cached_property
    def _tables(self) -> dict[str, np.ndarray]:
        return {}

    def _texts(self, name: str, indices: Sequence[int]) -> list[str]:
        """Return entries of a table of texts."""
        ends, content = self._table(f'{name}_ends'), self._table(name)
        try:
            return [str(content[ends[i] : ends[i + 1]], 'utf-8', 'surrogatepass') for i in indices]
        except _BROKEN:
            raise self._damaged(f'table {name!r}') from None

    @cached_property
    def names(self) -> list[str]:
        """Name of each record: its ``frame_dir``, else its ``filename``. Read on first access."""
        return self._texts('names', range(self._length))

    def name(self, index: int) -> str:
        """Return the name of record ``index``."""
        return self._texts('names', [index])[0]

    @property
    def labels(self) -> np.ndarray:
        """Labels ``(len,)`` int64; -1 for records with no or several labels."""
        return self._table('labels')

    @property
    def shapes(self) -> np.ndarray:
        """``(len, 4)`` int32: M, T, V, C of ``keypoint`` in the annotation file; 0 for records without it."""
        return self._table('shapes')

    @property
    def has_score(self) -> np.ndarray:
        """``(len,)`` bool: whether the record has a ``keypoint_score`` in the annotation file."""
        return self._table('has_score')

    @property
    def ranges(self) -> np.ndarray | None:
        """``(len, columns)`` float32 (:mod:`pyskl.datasets.records.clip_table`); None if the store lacks the table."""
        return self._table('ranges') if 'ranges' in self._tables_at else None

    @property
    def valid(self) -> np.ndarray | None:
        """``(len, 6)`` float32: frames, then frames with a box of at least each of ``VALID_SCORES``; None if absent."""
        table = self._table('valid') if 'valid' in self._tables_at else None
        return table if table is not None and table.shape[1] == 1 + len(VALID_SCORES) else None

    @property
    def splits(self) -> dict[str, np.ndarray] | None:
        """Sorted record indices of each split; None if the file has no splits."""
        if self._split_names is None:
            return None
        return {split: self._table(f'split {number}') for number, split in enumerate(self._split_names)}

    def missing(self, split: str) -> int:
        """Number of names in ``split`` without a record: positive for a subset with the splits of the full dataset."""
        counts = dict(zip(self._split_names or (), self._missing, strict=False))
        return int(counts.get(split, 0))

    def split_names(self) -> dict[str, list[str]] | None:
        """Return the splits as lists of names, as in an annotation pickle, in the order of the records."""
        if self._split_names is None:
            return None
        names = self.names if self._named else [record.get(self.identifier) for record in self]
        return {
            split: list(dict.fromkeys(names[i] for i in numbers.tolist())) for split, numbers in self.splits.items()
        }

    @property
    def problem_rows(self) -> np.ndarray:
        """Sorted indices of the invalid records."""
        return self._table('problem_rows')

    def problem(self, index: int) -> str:
        """Describe what is wrong with record ``index``, one of :attr:`problem_rows`."""
        return self._texts('problems', [int(np.searchsorted(self.problem_rows, index))])[0]
