"""Tables of a store at the limits of their checks; tests/datasets/records/test_store_attacks.py tests files."""

import contextlib

import numpy as np
import pytest

from pyskl.datasets.records.store_directory import Table, check_directory, check_table
from pyskl.datasets.records.store_format import HEADER, ROW


def directory(count=3, split=2, end=10_000, **changes):
    """Of ``count`` records, all tables at byte 128 (they may overlap), one split."""
    tables = {
        'rows': ['|u1', [count + 1, ROW.size]],
        'shapes': ['<i4', [count, 4]],
        'names': ['|u1', [9]],
        'names_ends': ['<i8', [count + 1]],
        'problems': ['|u1', [0]],
        'problem_rows': ['<i8', [0]],
        'problems_ends': ['<i8', [1]],
        'labels': ['<i8', [count]],
        'has_score': ['|b1', [count]],
        'split 0': ['<i8', [split]],
    }
    tables = {name: [*table, 128, 0] for name, table in tables.items()} | changes.pop('tables', {})
    whole = {
        'splits': ['train'], 'kinds': [[]], 'steps': [], 'source': 'a.pkl', 'named': True, 'identifier': 'frame_dir',
        'tables': tables,
    }  # fmt: skip
    return {**whole, **changes}


def test_a_consistent_directory_is_accepted():
    check_directory(directory(), 10_000)


@pytest.mark.parametrize(
    'changes',
    [
        {'splits': ['train', 'train']},
        {'splits': 'train'},
        {'kinds': []},
        {'kinds': [[]] * 1002},
        {'steps': [{'kind': 'x'}]},
        {'source': None},
        {'identifier': 'path'},
        {'tables': {'extra': ['<i8', [1], 128, 0]}},
        {'tables': {'labels': ['<i4', [3], 128, 0]}},
        {'tables': {'labels': ['<i8', [4], 128, 0]}},
        {'tables': {'labels': ['<i8', [3], 0, 0]}},  # in the header
        {'tables': {'labels': ['<i8', [3], 9984, 0]}},  # 24 bytes, 16 before the end
        {'tables': {'ranges': ['<f4', [4, 10], 128, 0]}},
    ],
    ids=str,
)
def test_an_inconsistent_entry_raises(changes):
    with pytest.raises((ValueError, TypeError)):
        check_directory(directory(**changes), 10_000)


def test_a_table_may_end_where_the_directory_begins():
    assert HEADER.size <= 128
    check_directory(directory(tables={'labels': ['<i8', [3], 9984, 0]}), 9984 + 24)


@pytest.mark.parametrize(
    'place',
    [
        ('<i8', 3, 128, 0),
        ('<i8', [3, 1, 1], 128, 0),
        ('<i8', [-1], 128, 0),
        ('<i8', [3], 100, 0),  # not a multiple of 64
        ('<i8', [True], 128, 0),
        ('O', [3], 128, 0),
    ],
)
def test_an_invalid_position_raises(place):
    with pytest.raises((ValueError, TypeError)):
        Table(*place)


TABLES = {'names': Table('|u1', [9], 128, 0)}


@pytest.mark.parametrize(
    ('name', 'numbers', 'valid'),
    [
        ('split 0', [0, 2], True),
        ('split 0', [], True),
        ('split 0', [0, 3], False),  # of records 0 to 2
        ('split 0', [-1, 2], False),
        ('split 0', [1, 1], False),
        ('problem_rows', [2, 0], False),
        ('names_ends', [0, 3, 6, 9], True),
        ('names_ends', [0, 3, 3, 9], True),
        ('names_ends', [1, 3, 6, 9], False),
        ('names_ends', [0, 3, 6, 8], False),
        ('names_ends', [0, 6, 3, 9], False),
        ('shapes', [[1, 0, 17, 2]], True),
        ('shapes', [[1, -1, 17, 2]], False),
    ],
)
def test_numbers_are_those_of_records(name, numbers, valid):
    table = np.array(numbers, np.int64)
    refused = pytest.raises(ValueError, match=f'numbers in table {name}')
    with contextlib.nullcontext() if valid else refused:
        check_table(name, table, 3, TABLES)


def test_a_truth_value_is_0_or_1():
    check_table('has_score', np.array([0, 1], np.uint8).view(bool), 2, {})
    with pytest.raises(ValueError, match='has_score'):
        check_table('has_score', np.array([0, 2], np.uint8).view(bool), 2, {})
