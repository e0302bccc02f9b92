"""Validation of a record store's directory before any count, offset or name in it is used.

A malicious store can have valid checksums. After validation every table lies between header and directory, has the
type and length that its name implies, and holds only indices of existing records.
"""

import math
from collections.abc import Mapping

import numpy as np

from pyskl.datasets.records.store_format import ALIGN, HEADER, MAX_KINDS, ROW, plain_dtype

_COLUMNS = {'labels': '<i8', 'has_score': '|b1'}  # one entry per record
_OTHERS = {'names': '|u1', 'problems': '|u1', 'problem_rows': '<i8'}
MAX_FIELDS = 10_000


class Table:
    """Location of a table in the file.

    Args:
        dtype: Element type.
        shape: Shape of the table.
        offset: First byte in the file.
        crc: CRC-32 of its bytes.

    Raises:
        ValueError: If an argument is invalid.
    """

    def __init__(self, dtype: str, shape: list[int], offset: int, crc: int) -> None:
        if not isinstance(shape, list):
            raise TypeError('a table without a shape')
        numbers = [*shape, offset, crc]
        if len(shape) > 2 or not all(type(n) is int and 0 <= n < 2**63 for n in numbers) or offset % ALIGN:
            raise ValueError(f'a table of shape {shape} at {offset}')
        self.dtype, self.shape, self.offset, self.crc = plain_dtype(dtype), tuple(shape), offset, crc
        self.nbytes = math.prod(shape) * self.dtype.itemsize


def check_directory(directory: object, start: int) -> None:
    """Validate the whole directory.

    Args:
        directory: The decoded JSON.
        start: Its offset in the file; all tables end before it.

    Raises:
        ValueError, TypeError, KeyError: If an entry is missing, has the wrong type, or points outside of the file.
    """
    if not isinstance(directory, dict):
        raise TypeError('not a dict')
    splits, kinds, steps = directory['splits'], directory['kinds'], directory['steps']
    if splits is not None and not (_all(splits, str) and len(set(splits)) == len(splits)):
        raise TypeError('splits')
    if not _all(kinds, list) or not 1 <= len(kinds) <= MAX_KINDS + 1 or sum(map(len, kinds)) > 100 * MAX_FIELDS:
        raise TypeError('kinds')
    if not _all(steps, dict) or not all(isinstance(step.get('type'), str) for step in steps):
        raise TypeError('steps')
    if not isinstance(directory['source'], str) or not isinstance(directory['named'], bool):
        raise TypeError('source or named')
    if directory['identifier'] not in (None, 'frame_dir', 'filename'):
        raise ValueError('identifier')
    if not isinstance(directory['tables'], dict) or not _all(list(directory['tables'].values()), list):
        raise TypeError('tables')
    tables = {name: Table(*place) for name, place in directory['tables'].items()}
    for name, table in tables.items():
        if table.offset < HEADER.size or table.offset + table.nbytes > start:
            raise ValueError(f'table {name} of {table.nbytes} bytes at {table.offset}')
    count = tables['rows'].shape[0] - 1
    expected = {
        'rows': ('|u1', (count + 1, ROW.size)),
        'shapes': ('<i4', (count, 4)),
        'names_ends': ('<i8', (count + 1,)),
        'problems_ends': ('<i8', (tables['problem_rows'].shape[0] + 1,)),
        **{name: (dtype, (count,)) for name, dtype in _COLUMNS.items()},
        **{name: (dtype, tables[name].shape[:1]) for name, dtype in _OTHERS.items()},
        **{f'split {i}': ('<i8', tables[f'split {i}'].shape[:1]) for i in range(len(splits or ()))},
    }
    for name in {'ranges', 'valid'} & set(tables):  # optional: older stores have no ranges, most have no valid
        expected[name] = '<f4', (count, *tables[name].shape[1:2])
    if count < 0 or set(tables) != set(expected):
        raise ValueError('tables')
    for name, (dtype, shape) in expected.items():
        if tables[name].dtype != np.dtype(dtype) or tables[name].shape != shape:
            raise ValueError(f'table {name} of {tables[name].dtype} {tables[name].shape}')


def _all(values: object, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def check_table(name: str, table: np.ndarray, count: int, tables: Mapping[str, Table]) -> None:
    """Validate the content of a table before it is used.

    Args:
        name: Name of the table.
        table: Its content.
        count: Number of records.
        tables: All tables.

    Raises:
        ValueError: If a record index or a text offset is out of range.
    """
    if name.startswith('split ') or name == 'problem_rows':
        ok = not len(table) or (table[0] >= 0 and table[-1] < count and (np.diff(table) > 0).all())
    elif name.endswith('_ends'):
        content = tables[name.removesuffix('_ends')]
        ok = table[0] == 0 and table[-1] == content.shape[0] and (np.diff(table) >= 0).all()
    elif name == 'has_score':
        ok = not len(table) or table.view(np.uint8).max() <= 1
    elif name == 'shapes':
        ok = not len(table) or table.min() >= 0
    else:
        ok = True
    if not ok:
        raise ValueError(f'numbers in table {name}')
