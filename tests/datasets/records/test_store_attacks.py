"""Malicious stores with valid checksums: every way of reading one raises a single line."""

import json
import os
import struct
import time
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.datasets.records.store import RecordStore
from pyskl.datasets.records.store_format import HEADER, MAGIC, ROW, VERSION, TornStoreError, block_crc, header_crc
from pyskl.datasets.records.store_writer import write_store

HUGE = [-1, -64, 2**31, 10**9, 2**62, 2**63, 2**64, 0.5, None, 'x', [], True]


class Parts:
    """A store taken apart: its blocks and tables as bytes, its directory as a dict."""

    def __init__(self, path):
        self.path = path
        self.data = bytearray(path.read_bytes())
        self.start = HEADER.unpack_from(self.data)[4]
        self.directory = json.loads(self.data[self.start :])

    def table(self, name, dtype=None):
        """A table to write to."""
        kind, shape, offset, _ = self.directory['tables'][name]
        return np.frombuffer(self.data, dtype or kind, count=int(np.prod(shape)), offset=offset)

    def row(self, index, start=None, kind=None):
        """Write a row, with the checksum of the block that it then means."""
        at = self.directory['tables']['rows'][2] + ROW.size * index
        old_start, old_kind, _ = ROW.unpack_from(self.data, at)
        start, kind = old_start if start is None else start, old_kind if kind is None else kind
        end = ROW.unpack_from(self.data, at + ROW.size)[0]
        ROW.pack_into(self.data, at, start, kind, block_crc(bytes(self.data[start:end]), index, start, kind))

    def write(self):
        """Write the store, with checksums that agree."""
        tables = self.directory['tables']
        for place in tables.values() if isinstance(tables, dict) else ():
            try:
                dtype, shape, offset, _ = place
                size = int(np.prod(shape)) * np.dtype(dtype).itemsize
                place[3] = zlib.crc32(self.data[offset : offset + size])
            except (TypeError, ValueError, OverflowError, SyntaxError):
                pass
        text = json.dumps(self.directory).encode()
        size = self.start + len(text)
        head = HEADER.pack(MAGIC, VERSION, header_crc(text, self.start, size), size, self.start)
        self.path.unlink()
        self.path.write_bytes(head + bytes(self.data[HEADER.size : self.start]) + text)


@pytest.fixture
def parts(tmp_path):
    records = [
        {
            'frame_dir': name,
            'label': i,
            'keypoint': np.full((1, 3, 5, 3), i, np.float16),
            'size': (3, 4),
            'seen': np.ones(3, bool),
            'note': {'a': [i, (2.5, None)]},
            'total_frames': 3 + 4 * (i == 1),
        }
        for i, name in enumerate('abc')
    ]
    with (tmp_path / 'x.skl').open('wb') as file:
        write_store(file, records, {'train': ['a', 'b'], 'val': ['c']}, 'x.pkl')
    return Parts(tmp_path / 'x.skl')


def use(path):
    """Every way of reading a store."""
    for verify in (False, True):
        store = RecordStore(path, verify)
        list(store.damage())
        for read in (
            lambda s: [s.labels, s.shapes, s.has_score, s.names, s.problem_rows, s.ranges, s.steps],
            lambda s: [s.problem(i) for i in s.problem_rows],
            lambda s: s.split_names(),
            lambda s: [s.labels[rows] for rows in (s.splits or {}).values()],
            lambda s: [s.name(i) for i in range(len(s))],
            list,
        ):
            read(store)


def ends_in_one_line(path):
    """Whether reading is refused; anything else than one line is raised."""
    start = time.perf_counter()
    try:
        use(path)
    except TornStoreError as error:
        assert 'x.skl' in str(error) and '\n' not in str(error)
        return True
    finally:
        assert time.perf_counter() - start < 10
    return False


def test_a_good_store_is_read(parts):
    parts.write()
    assert not ends_in_one_line(parts.path)


TABLES = ['rows', 'labels', 'shapes', 'has_score', 'names_ends', 'names', 'problem_rows', 'problems', 'split 0']


@pytest.mark.parametrize('value', HUGE, ids=repr)
@pytest.mark.parametrize('name', TABLES)
def test_places_of_tables(parts, name, value):
    place = parts.directory['tables'][name]
    for number in (1, 2):
        old = place[number]
        place[number] = [value] * len(old) if number == 1 else value
        parts.write()
        assert ends_in_one_line(parts.path), (number, value)
        place[number] = old
    for shape in ([value, 0], [0, value], [*place[1][:1], value], [place[1][0] + 1, *place[1][1:]]):
        if shape != place[1]:
            old, place[1] = place[1], shape
            parts.write()
            assert ends_in_one_line(parts.path), shape
            place[1] = old


@pytest.mark.parametrize('dtype', ['O', 'V8', '<U4', 'i8,i8', '(2,)i8', '<f8', '<c8', '', None, 7, 'x' * 1000])
@pytest.mark.parametrize('name', ['rows', 'labels', 'has_score', 'names_ends', 'split 1'])
def test_dtypes_of_tables(parts, name, dtype):
    parts.directory['tables'][name][0] = dtype
    parts.write()
    assert ends_in_one_line(parts.path)


@pytest.mark.parametrize(
    'key, value',
    [
        *((key, value) for key in ('splits', 'kinds', 'tables') for value in (7, 'x', [7], {'a': 1}, [[]], {})),
        *(('steps', value) for value in (7, 'x', [7], {'a': 1}, {})),
        ('splits', ['train', 'train']),
        ('splits', ['train', 'val', 'more']),
        ('splits', None),  # tables without a split
        ('tables', None),
        ('kinds', []),
        ('kinds', None),
        ('source', 7),
        ('source', None),
        ('identifier', 'label'),
        ('named', 1),
        ('steps', [{'type': 7}]),
        *(('kinds', [[field]]) for field in [
            ['a', 'array', ['O', 1]], ['a', 'array', ['<f4', 10**9]], ['a', 'array', ['<f4', -1]], ['a', 'array', None],
            ['a', 'ints', 10**9], ['a', 'ints', -1], ['a', 'ints', 1.5], ['a', 'scalar', '<f4'], ['a', 'scalar', None],
            ['a', 'same', [1]], ['a', 'other', None], [1, 'int', None], ['a', 'int'], 'abc',
        ]),
        ('kinds', [[['a', 'int', None]] * 2]),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_entries_of_the_directory(parts, key, value):
    parts.directory[key] = value
    parts.write()
    assert ends_in_one_line(parts.path)


def test_a_directory_nested_without_end(parts):
    text = b'[' * 100_000
    size = parts.start + len(text)
    head = HEADER.pack(MAGIC, VERSION, header_crc(text, parts.start, size), size, parts.start)
    parts.path.write_bytes(head + bytes(parts.data[HEADER.size : parts.start]) + text)
    assert ends_in_one_line(parts.path)


@pytest.mark.parametrize('start', [0, 63, 2**31, 2**63, 2**64 - 1])
def test_rows_with_wrong_offsets(parts, start):
    for index in range(4):
        before = bytes(parts.data)
        parts.row(index, start=start) if index < 3 else ROW.pack_into(
            parts.data, parts.directory['tables']['rows'][2] + 3 * ROW.size, start, 0, 0
        )
        parts.write()
        assert ends_in_one_line(parts.path)
        parts.data[:] = before


def test_rows_of_an_unknown_kind(parts):
    parts.row(1, kind=2**32 - 1)
    parts.write()
    assert ends_in_one_line(parts.path)


HARMLESS = [('names_ends', 3)]  # unchanged


@pytest.mark.parametrize('name', ['split 0', 'problem_rows', 'names_ends', 'problems_ends', 'shapes'])
@pytest.mark.parametrize('value', [-1, -(2**31), 3, 10**9, 2**31 - 1])
def test_numbers_of_tables(parts, name, value):
    parts.table(name)[-1] = value
    parts.write()
    assert ends_in_one_line(parts.path) or (name, value) in HARMLESS or (name == 'shapes' and value > 0)


def test_booleans_and_orders(parts):
    parts.table('has_score', 'u1')[0] = 7
    parts.write()
    assert ends_in_one_line(parts.path)
    parts.table('has_score', 'u1')[0] = 0
    parts.table('split 0')[:] = [1, 0]
    parts.write()
    assert ends_in_one_line(parts.path)


@pytest.mark.parametrize('value', [2**63, 2**64 - 1, 10**9, 97, 2**62])
def test_numbers_of_blocks(parts, value):
    (start, _, _) = ROW.unpack_from(parts.data, parts.directory['tables']['rows'][2])
    count = 20  # numbers at the head of a block
    for number in range(count):
        before = bytes(parts.data)
        struct.pack_into('<Q', parts.data, start + 8 * number, value)
        parts.row(0)
        parts.write()
        ends_in_one_line(parts.path)  # labels may be anything
        parts.data[:] = before


JSON = [
    '[' * 100_000, '{"array": ["O", [1], ""]}', '{"array": ["<f4", [1000000000], ""]}', '{}', '9' * 9000,
    '{"array": ["<f4", [0, -1], ""]}', '{"array": ["|b1", [1], "Bw=="]}', '{"scalar": ["<f4", [], ""]}',
    '{"set": [[1]]}', '{"dict": [[1]]}', '{"other": 1}', '{"tuple": 7}', '{"dict": [[{"tuple": [[]]}, 1]]}',
    '{"complex": [1, 2, 3]}', '{"bytes": 7}',
]  # fmt: skip


@pytest.mark.parametrize('text', JSON, ids=lambda text: text[:30])
@pytest.mark.parametrize('whole', [False, True])
def test_texts_of_blocks(tmp_path, text, whole):
    with (tmp_path / 'x.skl').open('wb') as file:
        write_store(file, [{'frame_dir': 'a', 'note': ['y' * len(text)]}], None, 'x')
    parts = Parts(tmp_path / 'x.skl')
    parts.directory['kinds'][1] = [['', 'whole', None]] if whole else [['note', 'json', None]]
    (start, _, _) = ROW.unpack_from(parts.data, parts.directory['tables']['rows'][2])
    struct.pack_into('<QQ', parts.data, start, 16, len(text))
    parts.data[start + 16 : start + 16 + len(text)] = text.encode()
    parts.row(0)
    parts.write()
    assert ends_in_one_line(parts.path)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_random_bytes_with_valid_checksums(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / 'x.skl'
    record = {'frame_dir': 'a', 'label': 1, 'keypoint': np.zeros((1, 2, 3, 3), 'f2'), 'x': {'y': (1, 'z')}, 'z': (1, 2)}
    with path.open('wb') as file:
        write_store(file, [record] * 3, {'val': ['a']}, 'x')
    parts = Parts(path)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(64, parts.start - 9))
        garbage = data.draw(st.sampled_from([b'\xff' * 8, bytes(8), struct.pack('<q', 2**62)]) | st.binary(max_size=8))
        parts.data[at : at + len(garbage)] = garbage
    for index in range(3):
        rows = [
            ROW.unpack_from(parts.data, parts.directory['tables']['rows'][2] + ROW.size * i) for i in (index, index + 1)
        ]
        if rows[0][0] <= rows[1][0] <= parts.start:
            parts.row(index)
    parts.write()
    ends_in_one_line(path)


def test_a_store_truncated_while_open_raises(parts):
    store = RecordStore(parts.path)
    assert store.record(0)['label'] == 0
    os.truncate(parts.path, 100)
    for read in (lambda: store.record(0), lambda: store.labels, lambda: list(store), lambda: store.names):
        with pytest.raises(TornStoreError, match=r"x\.skl' is damaged: it was truncated while in use, 100 of") as error:
            read()
        assert '\n' not in str(error.value)


class Clips(torch.utils.data.Dataset):
    def __init__(self, store):
        self.store = store

    def __len__(self):
        return len(self.store)

    def __getitem__(self, index):
        return self.store[index]['label']


def test_a_worker_raises_for_a_truncated_store_too(parts):
    store = RecordStore(parts.path)
    os.truncate(parts.path, 100)
    clips = iter(torch.utils.data.DataLoader(Clips(store), num_workers=1))
    with pytest.raises(TornStoreError, match=r"x\.skl' is damaged: it was truncated while in use"):
        next(clips)
    clips._shutdown_workers()  # otherwise the workers wait 5 s for the garbage collector
