"""The file that processes share: records come back equal, and damage is noticed."""

import io
import pickle

import numpy as np
import pytest

from pyskl.datasets.record_store import RecordStore, TornStoreError, is_own_folder, write_store


def store(path, records, splits=None):
    with path.open('wb') as file:
        write_store(file, [dict(record) for record in records], splits, 'source.pkl')
    return RecordStore(path)


def test_records_come_back_equal_and_read_only(tmp_path, make_record):
    extra = {'valid': {0.5: 3, 0.9: 1}, 'note': None, 'rate': 29.97, 'boxes': np.arange(3), 'label': np.int64(4)}
    records = [make_record('a', **extra), make_record('b', frames=9, persons=2), make_record('c', dims=3, joints=25)]
    found = store(tmp_path / 'x', records)
    assert len(found) == 3
    for index, record in enumerate(records):
        back = found.record(index)
        assert set(back) == set(record)
        for key, value in record.items():
            if isinstance(value, np.ndarray):
                assert back[key].dtype == value.dtype and np.array_equal(back[key], value)
                assert not back[key].flags.writeable
            else:
                assert back[key] == value
    assert type(found.record(0)['img_shape']) is tuple


def test_numbers_are_kept_in_the_byte_order_of_the_machine(tmp_path, make_record):
    keypoint = make_record()['keypoint']
    found = store(tmp_path / 'x', [make_record(keypoint=np.asfortranarray(keypoint.astype('>f4')))]).record(0)
    assert found['keypoint'].dtype == np.float32 and found['keypoint'].flags.c_contiguous
    assert np.array_equal(found['keypoint'], keypoint)


def test_tables_tell_shapes_labels_and_names_without_the_records(tmp_path, make_record):
    records = [make_record('a', label=7), make_record('b', label=None), make_record('é', label=[1, 2], dims=3)]
    found = store(tmp_path / 'x', records)
    assert found.labels.tolist() == [7, -1, -1]
    assert found.names == ['a', 'b', 'é']
    assert found.shapes.tolist() == [[1, 4, 17, 2], [1, 4, 17, 2], [1, 4, 17, 3]]
    assert found.has_score.tolist() == [True, True, False]
    assert found.splits is None


def test_joints_kept_elsewhere_have_no_shape(tmp_path, make_record):
    elsewhere = {**make_record('a', keypoint_score=None), 'keypoint': None, 'raw_file': 'a.pkl'}
    found = store(tmp_path / 'x', [elsewhere, make_record('b')])
    assert found.shapes.tolist() == [[0, 0, 0, 0], [1, 4, 17, 2]]
    assert not found.problems and found.record(0)['keypoint'] is None


def test_a_split_keeps_the_order_of_the_records(tmp_path, make_record):
    found = store(tmp_path / 'x', [make_record(name) for name in 'abcd'], {'val': ['d', 'a'], 'none': []})
    assert {split: numbers.tolist() for split, numbers in found.splits.items()} == {'val': [0, 3], 'none': []}


def test_problems_are_kept_with_the_record_they_belong_to(tmp_path, make_record):
    found = store(tmp_path / 'x', [make_record('a'), make_record('b', total_frames=9)])
    assert list(found.problems) == [1]
    assert 'total_frames=9' in found.problems[1]


def test_a_value_that_cannot_be_kept_is_left_out_with_a_warning(tmp_path, make_record):
    with pytest.warns(UserWarning, match="'odd' of type set, which is left out"):
        found = store(tmp_path / 'x', [make_record(odd={1})])
    assert 'odd' not in found.record(0)


def test_a_pickled_store_opens_the_same_file(tmp_path, make_record):
    found = store(tmp_path / 'x', [make_record('a')])
    data = pickle.dumps(found)
    assert len(data) < 500
    assert pickle.loads(data).names == ['a']


def test_damage_is_noticed_wherever_it_is(tmp_path, make_record):
    path = tmp_path / 'x'
    store(path, [make_record('a'), make_record('b')], {'val': ['a']})
    data = path.read_bytes()
    index = int.from_bytes(data[16:24], 'little')
    header_and_index = [*range(40), *range(index, len(data), 7)]
    for position in header_and_index:
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        with pytest.raises(TornStoreError):
            RecordStore(path)
    for length in (0, 10, 64, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(TornStoreError):
            RecordStore(path)


def test_an_unfinished_store_has_no_header():
    class Killed(io.BytesIO):
        def seek(self, *args):
            raise KeyboardInterrupt

    file = Killed()
    with pytest.raises(KeyboardInterrupt):
        write_store(file, [{'frame_dir': 'a', 'keypoint': np.zeros((1, 1, 1, 2))}], None, 'x')
    assert file.getvalue()[:40] == bytes(40)


def test_only_a_private_folder_will_do(tmp_path):
    folder = tmp_path / 'deep' / 'folder'
    assert is_own_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert not is_own_folder(folder)
    (tmp_path / 'file').touch()
    assert not is_own_folder(tmp_path / 'file' / 'below')
