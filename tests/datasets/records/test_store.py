"""Record stores: records are read back equal, and damage is detected."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyskl.datasets.records.store import RecordStore, is_store
from pyskl.datasets.records.store_format import HEADER, TornStoreError
from pyskl.datasets.records.store_writer import write_store


def store(path, records, splits=None, verify=False):
    with path.open('wb') as file:
        write_store(file, records, splits, 'source.pkl')
    return RecordStore(path, verify)


def same(a, b):
    """Equal in value, type, dtype and order of keys."""
    if isinstance(a, np.ndarray):
        return type(b) is np.ndarray and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


@pytest.fixture
def records(make_record):
    """Every kind of record."""
    boxes = {'frame_inds': np.array([0, 0, 2]), 'box_score': np.array([0.9, 0.5, 0.7], np.float32)}
    return [
        make_record('scored'),
        make_record('3D', dims=3, joints=25, persons=2),
        make_record('boxes', keypoint=np.ones((3, 17, 3), np.float16), keypoint_score=None, **boxes),
        make_record('elsewhere', keypoint=None, keypoint_score=None, raw_file='k.pkl', valid={0.5: 3, 0.9: 1}, **boxes),
        make_record('several', label=[0, 3], filename='a.mp4'),
        make_record('numpy', label=np.int64(4), rate=np.float32(29.97), names=np.array(['x', 'yz']), flag=np.bool_(1)),
        make_record('more', note='', rate=29.97, big=2**70, nan=float('nan'), tags={'a', 'b'}, raw=b'12', z=1 + 2j),
        make_record('nested', tree={'a': [1, (2.5, None)], 3: np.arange(3)}, shape=[1, 2], flag=True, other=None),
        {'frame_dir': 'ünicode\n', 'keypoint': np.zeros((0, 3, 17, 2)), 'total_frames': 3},
    ]


def test_every_kind_of_record_is_read_back_equal_and_read_only(tmp_path, records):
    found = store(tmp_path / 'x', records, verify=True)
    assert len(found) == len(records)
    for record, back in zip(records, found, strict=True):
        assert same(record, back), back
        for value in back.values():
            assert not isinstance(value, np.ndarray) or not value.flags.writeable or value.dtype.kind == 'U'
    with pytest.raises(IndexError, match='record 9 of a store of 9'):
        found.record(9)


def test_numbers_are_stored_in_native_byte_order(tmp_path, make_record):
    keypoint = make_record()['keypoint']
    found = store(tmp_path / 'x', [make_record(keypoint=np.asfortranarray(keypoint.astype('>f4')))]).record(0)
    assert found['keypoint'].dtype == np.float32 and found['keypoint'].flags.c_contiguous
    assert np.array_equal(found['keypoint'], keypoint)


def test_arrays_are_aligned_for_their_dtype(tmp_path, records):
    for record in store(tmp_path / 'x', records):
        for value in record.values():
            assert not isinstance(value, np.ndarray) or value.flags.aligned


def test_tables_hold_shapes_labels_and_names(tmp_path, make_record):
    records = [make_record('a', label=7), make_record('b', label=None), make_record('é', label=[1, 2], dims=3)]
    found = store(tmp_path / 'x', records)
    assert found.labels.tolist() == [7, -1, -1]
    assert found.names == ['a', 'b', 'é'] and found.name(2) == 'é'
    assert found.shapes.tolist() == [[1, 4, 17, 2], [1, 4, 17, 2], [1, 4, 17, 3]]
    assert found.has_score.tolist() == [True, True, False]
    assert found.splits is None and found.split_names() is None and found.steps == []


def test_a_split_keeps_the_order_of_the_records(tmp_path, make_record):
    found = store(tmp_path / 'x', [make_record(name) for name in 'abcd'], {'val': ['d', 'a'], 'none': []})
    assert {split: numbers.tolist() for split, numbers in found.splits.items()} == {'val': [0, 3], 'none': []}
    assert found.split_names() == {'val': ['a', 'd'], 'none': []}


def test_splits_go_by_the_names_they_were_given(tmp_path, make_record):
    files = store(tmp_path / 'x', [make_record('folder', filename=f'{i}.mp4') for i in range(3)], {'val': ['2.mp4']})
    assert files.split_names() == {'val': ['2.mp4']} and files.names == ['folder'] * 3
    numbers = store(tmp_path / 'y', [make_record(frame_dir=i) for i in range(3)], {'val': [1, 2]})
    assert numbers.split_names() == {'val': [1, 2]} and numbers.names == ['0', '1', '2']


def test_problems_are_stored_with_their_records(tmp_path, make_record):
    found = store(tmp_path / 'x', [make_record('a'), make_record('b', total_frames=9)])
    assert found.problem_rows.tolist() == [1]
    assert 'total_frames=9' in found.problem(1)


def test_a_pickled_store_opens_the_same_file(tmp_path, make_record):
    found = store(tmp_path / 'x', [make_record('a')])
    data = pickle.dumps(found)
    assert len(data) < 500
    assert pickle.loads(data).names == ['a']


def test_a_store_is_recognised_by_its_first_bytes(tmp_path, make_record):
    store(tmp_path / 'x', [make_record('a')])
    assert is_store(tmp_path / 'x')
    (tmp_path / 'y').write_bytes(pickle.dumps([]))
    assert not is_store(tmp_path / 'y')


def test_opening_reads_neither_records_nor_tables(tmp_path, make_record):
    path = tmp_path / 'x'
    store(path, [make_record(str(i)) for i in range(50)], {'val': ['3']})
    data = bytearray(path.read_bytes())
    start = HEADER.unpack_from(data)[4]
    data[64:start] = bytes(start - 64)
    path.write_bytes(data)
    assert len(RecordStore(path)) == 50


@pytest.mark.parametrize('length', [0, 10, 31, 64, 500, -1])
def test_a_truncated_store_raises_when_opened(tmp_path, make_record, length):
    path = tmp_path / 'x.skl'
    store(path, [make_record('a'), make_record('b')])
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(
        TornStoreError, match=r"x\.skl' is (empty|truncated|truncated or incomplete: \d+ bytes instead of \d+)$"
    ):
        RecordStore(path)


def test_another_version_raises(tmp_path, make_record):
    path = tmp_path / 'x'
    store(path, [make_record('a')])
    path.write_bytes(path.read_bytes()[:8] + b'\x01' + path.read_bytes()[9:])
    with pytest.raises(TornStoreError, match='of version 1, but version 2 is needed: rebuild it'):
        RecordStore(path)


def flipped(data, position, bit):
    return data[:position] + bytes([data[position] ^ (1 << bit)]) + data[position + 1 :]


def everything(found):
    """All data and metadata of a store."""
    tables = [found.labels, found.shapes, found.has_score, found.problem_rows, *(found.splits or {}).values()]
    return [list(found), found.names, found.split_names(), tables, [found.problem(i) for i in found.problem_rows]]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_is_detected_or_harmless(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / 'flipped.skl'
    records = [
        {
            'frame_dir': name,
            'label': i,
            'keypoint': np.full((1, 2, 3, 3), i, np.float16),
            'note': [i],
            'total_frames': 2,
        }
        for i, name in enumerate('abc')
    ]
    records[1]['total_frames'] = 7  # a problem
    intact = store(path, records, {'val': ['b', 'c']})
    expected, whole = everything(intact), path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    path.unlink()  # the mapped part is unchanged
    path.write_bytes(flipped(whole, position, data.draw(st.integers(0, 7))))
    try:
        found = RecordStore(path, verify=True)
        assert same(everything(found), expected)
    except TornStoreError as error:
        assert 'flipped.skl' in str(error) and '\n' not in str(error)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_garbage_raises_one_line_also_without_checksums(data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / 'garbage.skl'
    record = {'frame_dir': 'a', 'label': 1, 'keypoint': np.zeros((1, 2, 3, 3), np.float16), 'x': {'y': (1, 'z')}}
    store(path, [record, record])
    whole = bytearray(path.read_bytes())
    start = HEADER.unpack_from(whole)[4]
    first = data.draw(st.integers(64, start - 1))
    garbage = data.draw(st.binary(min_size=1, max_size=80))[: start - first]
    whole[first : first + len(garbage)] = garbage
    path.unlink()
    path.write_bytes(whole)
    found = RecordStore(path)
    for read in (lambda: found.record(0), lambda: found.record(1), lambda: found.names, lambda: found.labels):
        try:
            read()
        except TornStoreError as error:
            assert '\n' not in str(error)


def test_damage_lists_tables_and_records(tmp_path, make_record):
    path = tmp_path / 'x'
    found = store(path, [make_record(str(i), frames=4 + i) for i in range(3)])
    assert [item for item in found.damage() if item is not None] == []
    whole = path.read_bytes()
    at = whole.index(found.record(1)['keypoint'].tobytes())
    path.unlink()
    path.write_bytes(flipped(whole, at, 0))
    assert list(RecordStore(path).damage())[-3:] == [None, 1, None]
    with pytest.raises(TornStoreError, match="x' is damaged: record number 1; copy it again or rebuild it from its"):
        RecordStore(path, verify=True).record(1)
    assert RecordStore(path).record(1)['frame_dir'] == '1'  # without a request there is no report
