"""Records that all workers and ranks of a machine share.

Arrays of a pickle belong to the process that read it, once a process. A store is one flat file that every process maps
into memory: the system keeps one copy of its pages, whoever reads them. It holds no pickle: reading one runs nothing.
Nothing in it is read before it is asked for, so opening one takes as long for a million records as for ten. It is only
ever read, without a lock and with nothing beside it, so that any number of machines may share one over a network.
What its bytes are: :mod:`pyskl.datasets.records.store_format`.
"""

import json
import mmap
import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from pyskl.datasets.records.store_format import (
    HEADER,
    MAGIC,
    ROW,
    VERSION,
    Kind,
    TornStoreError,
    block_crc,
    header_crc,
    plain_dtype,
)

# What reading of damaged bytes raises.
_BROKEN = (ValueError, TypeError, KeyError, IndexError, OverflowError, MemoryError, RecursionError, struct.error)


def is_store(path: str | Path) -> bool:
    """Whether the file begins as a store of any version does.

    Raises:
        OSError: If it cannot be read.
    """
    with open(path, 'rb') as file:
        return file.read(len(MAGIC)) == MAGIC


class RecordStore(Sequence):
    """The records of one annotation file, mapped into memory; ``store[i]`` is :meth:`record`.

    Args:
        path: A file that :class:`~pyskl.datasets.records.store_writer.StoreWriter` wrote.
        verify: Whether the checksum of every record is compared when it is read; those of the tables always are, when
            they are first asked for.

    Raises:
        OSError: If the file cannot be opened.
        TornStoreError: If it is not a whole store.
    """

    def __init__(self, path: str | Path, verify: bool = False) -> None:
        self.path = Path(path)
        self._verify = verify
        with self.path.open('rb') as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise TornStoreError(f'{str(self.path)!r} is empty') from None
        directory = self._read_directory()
        try:
            self._places = {name: (plain_dtype(d), s, o, c) for name, (d, s, o, c) in directory['tables'].items()}
            self._split_names = directory['splits']
            self._kinds = [Kind(schema) for schema in directory['kinds']]
            self.source = str(directory['source'])
            self.identifier = str(directory['identifier'])
            self._named = bool(directory['named'])
            self.steps: list[dict] = directory['steps']
            self._rows = self._place('rows', 2)
            self._length = self._places['rows'][1][0] - 1
        except _BROKEN as error:
            raise self._damaged(f'its directory ({type(error).__name__}: {error})') from None

    def _read_directory(self) -> dict:
        if len(self._map) < HEADER.size:
            raise TornStoreError(f'{str(self.path)!r} is cut off')
        magic, version, crc, size, start = HEADER.unpack_from(self._map)
        if magic != MAGIC:
            raise TornStoreError(f'{str(self.path)!r} is not a record store')
        if version != VERSION:
            raise TornStoreError(
                f'{str(self.path)!r} is a record store of version {version}, this program reads {VERSION}: '
                f'build it again from its pickle'
            )
        if size != len(self._map):
            raise TornStoreError(f'{str(self.path)!r} is cut off or torn: {len(self._map)} bytes, written were {size}')
        directory = self._map[start:]
        if header_crc(directory, start, size) != crc:
            raise self._damaged('header or directory')
        try:
            return json.loads(directory)
        except ValueError:
            raise self._damaged('directory') from None

    def _damaged(self, what: str) -> TornStoreError:
        return TornStoreError(f'{str(self.path)!r} is damaged: {what}; copy it, or build it from its pickle, again')

    def __len__(self) -> int:
        return self._length

    def __reduce__(self) -> tuple:
        return RecordStore, (self.path, self._verify)

    def __getitem__(self, index: int) -> dict:
        return self.record(index)

    def record(self, index: int) -> dict:
        """Record ``index``, a new dict; its arrays are the store's, and read-only.

        Raises:
            IndexError: If there is none.
            TornStoreError: If it cannot be read, or, with ``verify``, is not as it was written.
        """
        if not 0 <= index < self._length:
            raise IndexError(f'record {index} of a store of {self._length}')
        try:
            start, kind, crc = ROW.unpack_from(self._map, self._rows + ROW.size * int(index))
            if self._verify:
                self._check_block(int(index), start, kind, crc)
            return self._kinds[kind].read(self._map, start)
        except TornStoreError:
            raise
        except _BROKEN:
            raise self._damaged(f'record number {index}') from None

    def _check_block(self, index: int, start: int, kind: int, crc: int) -> None:
        end = ROW.unpack_from(self._map, self._rows + ROW.size * (index + 1))[0]
        with memoryview(self._map) as whole, whole[start : max(start, end)] as block:
            if block_crc(block, index, start, kind) != crc:
                raise self._damaged(f'record number {index}')

    def damage(self) -> Iterator[str | int | None]:
        """Go through all of the file.

        Yields:
            The name of each table that is not as it was written; then, a record at a time, its number if it is not, and
            None if it is.
        """
        for name in self._places:
            if not self._is_whole(name):
                yield name
        for index in range(self._length):
            try:
                row = ROW.unpack_from(self._map, self._rows + ROW.size * index)
                self._check_block(index, *row)
                yield None
            except (TornStoreError, struct.error):
                yield index

    def _is_whole(self, name: str) -> bool:
        dtype, shape, offset, crc = self._places[name]
        with memoryview(self._map) as whole:
            table = np.ndarray(shape, dtype, whole, offset)
            same = zlib.crc32(table) == crc
            del table
        return same

    def _place(self, name: str, ndim: int = 1) -> int:
        """Where a table begins; that it lies in the file has been made sure of.

        Raises:
            ValueError: If it does not, or has not ``ndim`` axes.
        """
        dtype, shape, offset, _ = self._places[name]
        if len(shape) != ndim:
            raise ValueError(f'table {name} of shape {shape}')
        np.ndarray(shape, dtype, self._map, offset)
        return offset

    def _table(self, name: str) -> np.ndarray:
        if name not in self._tables:
            try:
                dtype, shape, offset, _ = self._places[name]
                if not self._is_whole(name):
                    raise self._damaged(f'table {name!r}')
                self._tables[name] = np.ndarray(shape, dtype, self._map, offset)
            except TornStoreError:
                raise
            except _BROKEN:
                raise self._damaged(f'table {name!r}') from None
        return self._tables[name]

    @cached_property
    def _tables(self) -> dict[str, np.ndarray]:
        return {}

    def _texts(self, name: str, indices: Sequence[int]) -> list[str]:
        """Entries of a table of texts."""
        ends, content = self._table(f'{name}_ends'), self._table(name)
        try:
            return [str(content[ends[i] : ends[i + 1]], 'utf-8', 'surrogatepass') for i in indices]
        except _BROKEN:
            raise self._damaged(f'table {name!r}') from None

    @cached_property
    def names(self) -> list[str]:
        """What each record is called: its ``frame_dir``, else its ``filename``. Made when first asked for."""
        return self._texts('names', range(self._length))

    def name(self, index: int) -> str:
        """What record ``index`` is called."""
        return self._texts('names', [index])[0]

    @property
    def labels(self) -> np.ndarray:
        """``(len,)`` int64; -1 where a record has no label, or several."""
        return self._table('labels')

    @property
    def shapes(self) -> np.ndarray:
        """``(len, 4)`` int32: M, T, V, C of ``keypoint`` in the annotation file; 0 where a record has none."""
        return self._table('shapes')

    @property
    def has_score(self) -> np.ndarray:
        """``(len,)`` bool: whether there is a ``keypoint_score`` in the annotation file."""
        return self._table('has_score')

    @property
    def ranges(self) -> np.ndarray | None:
        """``(len, columns)`` float32 (:mod:`pyskl.datasets.records.clip_table`); None in a store without this table."""
        return self._table('ranges') if 'ranges' in self._places else None

    @property
    def splits(self) -> dict[str, np.ndarray] | None:
        """Record numbers of each split, rising; None if the file has no splits."""
        if self._split_names is None:
            return None
        return {split: self._table(f'split {number}') for number, split in enumerate(self._split_names)}

    def split_names(self) -> dict[str, list[str]] | None:
        """The splits as an annotation pickle has them: names, in the order of the records."""
        if self._split_names is None:
            return None
        names = self.names if self._named else [record.get(self.identifier) for record in self]
        return {
            split: list(dict.fromkeys(names[i] for i in numbers.tolist())) for split, numbers in self.splits.items()
        }

    @property
    def problem_rows(self) -> np.ndarray:
        """Numbers of the records that training refuses, rising."""
        return self._table('problem_rows')

    def problem(self, index: int) -> str:
        """What is wrong with record ``index``, one of :attr:`problem_rows`."""
        return self._texts('problems', [int(np.searchsorted(self.problem_rows, index))])[0]
