"""Records that all workers and ranks of a machine share.

Arrays of a pickle belong to the process that read it, once a process. A store is one flat file that every process maps
into memory: the system keeps one copy of its pages, whoever reads them. It holds no pickle, so opening one is instant
and runs nothing.

Layout: a header of 64 bytes; the arrays; the index: a JSON line a record (its plain fields, and dtype, shape and offset
of its arrays), tables, and one JSON object that says where they are. The header says where the index begins and how
long the file is, with a CRC-32 of both.
"""

import contextlib
import json
import mmap
import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pyskl.datasets.annotations import Splits, identifier, record_problem
from pyskl.datasets.boxes import boxes_shape, has_boxes

VERSION = 1
_MAGIC = b'pyskl\x00rs'
_HEADER = struct.Struct('<8sIIQQQ')  # magic, version, CRC-32, start of the index, of its table, file size
_ALIGN = 64
_LINE = json.JSONDecoder()


class TornStoreError(ValueError):
    """The file is not a whole store of this version."""


def _checksum(index_crc: int, *places: int) -> int:
    """CRC-32 of the index and of what the header says of its place."""
    return zlib.crc32(struct.pack('<3Q', *places), index_crc)


class RecordStore:
    """The records of one annotation file, mapped into memory.

    Args:
        path: A file that :func:`write_store` wrote.

    Raises:
        OSError: If the file cannot be opened.
        TornStoreError: If it is not a whole store.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self.path.open('rb') as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise TornStoreError(f'{str(self.path)!r} is empty') from None
        table = self._read_table()
        self._tables = {name: self._array(*place) for name, place in table['tables'].items()}
        self._ends = self._tables['line_ends']
        self._splits = table['splits']
        self.source = table['source']
        self.identifier = table['identifier']
        self.problems = {int(index): problem for index, problem in table['problems']}

    def _read_table(self) -> dict:
        if len(self._map) < _HEADER.size:
            raise TornStoreError(f'{str(self.path)!r} is cut off')
        magic, version, crc, index, table, size = _HEADER.unpack_from(self._map)
        if (magic, version) != (_MAGIC, VERSION):
            raise TornStoreError(f'{str(self.path)!r} is not a record store of version {VERSION}')
        with memoryview(self._map) as view, view[index:] as tail:
            if size != len(self._map) or _checksum(zlib.crc32(tail), index, table, size) != crc:
                raise TornStoreError(f'{str(self.path)!r} is damaged')
        return json.loads(self._map[table:])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __reduce__(self) -> tuple:
        return RecordStore, (self.path,)

    def _array(self, dtype: str, shape: Sequence[int], offset: int) -> np.ndarray:
        return np.ndarray(shape, dtype, self._map, offset)

    def record(self, index: int) -> dict:
        """Record ``index``, a new dict; its arrays are the store's, and read-only."""
        fields, arrays = _LINE.decode(self._map[self._ends[index] : self._ends[index + 1]].decode())
        for key, value in fields.items():
            if type(value) in (list, dict):
                fields[key] = _decoded(value)
        for key, (dtype, shape, offset) in arrays.items():
            fields[key] = np.ndarray(shape, dtype, self._map, offset)
        return fields

    @cached_property
    def names(self) -> list[str]:
        """What each record is called: its ``frame_dir``, else its ``filename``."""
        return self._tables['names'].tobytes().decode().split('\n')

    @property
    def labels(self) -> np.ndarray:
        """``(len,)`` int64; -1 where a record has no label, or several."""
        return self._tables['labels']

    @property
    def shapes(self) -> np.ndarray:
        """``(len, 4)`` int64: M, T, V, C of ``keypoint``; 0 where a record has none."""
        return self._tables['shapes']

    @property
    def has_score(self) -> np.ndarray:
        """``(len,)`` bool: whether there is a ``keypoint_score``."""
        return self._tables['has_score']

    @property
    def splits(self) -> dict[str, np.ndarray] | None:
        """Record numbers of each split, rising; None if the file has no splits."""
        if self._splits is None:
            return None
        return {split: self._array(*place) for split, place in self._splits.items()}


def write_store(file: BinaryIO, records: list[dict], splits: Splits | None, source: str) -> None:
    """Write a store.

    Args:
        file: An empty file, positioned at 0.
        records: The records; each is dropped from the list's memory once written.
        splits: Names by split.
        source: The path of the annotation file.
    """
    key = identifier(records)
    members = [str(record.get(key)) for record in records]
    writer = _Writer(file)
    lines, names, problems = [], [], []
    labels, shapes = np.full(len(records), -1, np.int64), np.zeros((len(records), 4), np.int64)
    has_score = np.zeros(len(records), np.bool_)
    for i, record in enumerate(records):
        names.append(str(record.get('frame_dir', record.get('filename', i))).replace('\n', ' '))
        problem = record_problem(record)
        if problem is not None:
            problems.append((i, problem))
        elif record.get('keypoint') is not None:
            boxes = has_boxes(record)
            shapes[i] = boxes_shape(record) if boxes else record['keypoint'].shape
            has_score[i] = boxes or record.get('keypoint_score') is not None
        label = record.get('label')
        if np.isscalar(label) and not isinstance(label, str):
            labels[i] = int(label)
        lines.append(writer.put_record(record))
        records[i] = None
    writer.begin_index()
    ends = np.cumsum([writer.position, *map(len, lines)])
    writer.write(b''.join(lines))
    tables = {'line_ends': ends, 'labels': labels, 'shapes': shapes, 'has_score': has_score}
    tables['names'] = np.frombuffer('\n'.join(names).encode(), np.uint8)
    numbers = None if splits is None else {split: _numbers(members, names) for split, names in splits.items()}
    writer.finish(
        {
            'source': source,
            'identifier': key,
            'problems': problems,
            'tables': {name: writer.put(table) for name, table in tables.items()},
            'splits': None if numbers is None else {split: writer.put(inds) for split, inds in numbers.items()},
        }
    )


def _numbers(members: Sequence[str], wanted: Sequence[str]) -> np.ndarray:
    """Which records a split has, in the order of the records: PYSKL's."""
    wanted = set(map(str, wanted))
    return np.array([i for i, member in enumerate(members) if member in wanted], np.int64)


class _Writer:
    """Appends to a store and keeps count of where it is."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.position = 0
        self.crc = self.index = None
        self._dropped = set()
        self.write(bytes(_ALIGN))

    def write(self, data: bytes) -> None:
        self.file.write(data)
        self.position += len(data)
        if self.crc is not None:
            self.crc = zlib.crc32(data, self.crc)

    def put(self, array: np.ndarray) -> tuple[str, tuple[int, ...], int]:
        """Append an array; its dtype, shape and offset."""
        self.write(bytes(-self.position % _ALIGN))
        array = array.astype(array.dtype.newbyteorder('='), copy=False)
        place = (array.dtype.str, array.shape, self.position)
        self.write(np.ascontiguousarray(array).tobytes())
        return place

    def put_record(self, record: dict) -> bytes:
        """Append the arrays of a record; its line for the index."""
        fields, arrays = {}, {}
        for key, value in record.items():
            if isinstance(value, np.ndarray) and value.dtype.kind in 'biufc':
                arrays[str(key)] = self.put(value)
                continue
            try:
                fields[str(key)] = _encoded(value)
            except TypeError:
                if key not in self._dropped:
                    warnings.warn(f'the records hold {key!r} of type {type(value).__name__}, which is left out')
                    self._dropped.add(key)
        return json.dumps([fields, arrays], separators=(',', ':')).encode() + b'\n'

    def begin_index(self) -> None:
        self.write(bytes(-self.position % _ALIGN))
        self.index, self.crc = self.position, 0

    def finish(self, table: dict) -> None:
        """Append the table that says where everything is, and fill in the header."""
        start = self.position
        self.write(json.dumps(table).encode())
        crc = _checksum(self.crc, self.index, start, self.position)
        header = _HEADER.pack(_MAGIC, VERSION, crc, self.index, start, self.position)
        self.file.seek(0)
        self.file.write(header)


def _encoded(value: object) -> object:
    """``value`` as JSON has it; a dict as pairs, since its keys need not be strings.

    Raises:
        TypeError: If it is neither a number, a string, None nor a container of these.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return _encoded(value.tolist())
    if isinstance(value, list | tuple):
        return [_encoded(item) for item in value]
    if isinstance(value, dict):
        return {'items': [[_encoded(key), _encoded(item)] for key, item in value.items()]}
    raise TypeError(type(value).__name__)


def _decoded(value: object) -> object:
    """The other way; sequences come back as tuples."""
    if isinstance(value, list):
        return tuple(map(_decoded, value))
    if isinstance(value, dict):
        return {_decoded(key): _decoded(item) for key, item in value['items']}
    return value


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; where the system has no locks, nothing."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with path.open('w') as file:
        with contextlib.suppress(OSError):  # network file systems without locks: two may build, the last rename counts
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)


def is_own_folder(folder: Path) -> bool:
    """Whether ``folder`` exists, or could be made, as a private folder of this user that can be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return False
    own = not hasattr(os, 'getuid') or found.st_uid == os.getuid()
    return own and not found.st_mode & 0o022 and os.access(folder, os.W_OK | os.X_OK)
