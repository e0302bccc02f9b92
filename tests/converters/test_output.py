"""The bytes of a written pickle depend only on its content; its summary."""

import importlib
import pickle

import numpy as np
import pytest

from pyskl.datasets.records.annotations import read_annotations

output = importlib.import_module('pyskl.converters.output')
summary, write_pickle = output.summary, output.write_pickle


def record(name, **more):
    return {
        'frame_dir': name,
        'label': 0,
        'total_frames': 2,
        'keypoint': np.ones((1, 2, 3, 2), np.float16),
        'keypoint_score': np.ones((1, 2, 3), np.float16),
        'img_shape': (4, 5),
        **more,
    }


def test_shared_objects_do_not_change_the_bytes(tmp_path):
    together = [record('a'), record('b')]
    apart = [pickle.loads(pickle.dumps(one)) for one in together]
    odd = np.dtype('f2').newbyteorder('<')  # the same numbers, another object
    apart[1]['keypoint'] = apart[1]['keypoint'].view(odd)
    assert apart[1]['keypoint'].dtype is not together[0]['keypoint'].dtype
    for name, records in (('x', together), ('y', apart)):
        write_pickle(tmp_path / name, records, {'train': ['a', 'b']})
    assert (tmp_path / 'x').read_bytes() == (tmp_path / 'y').read_bytes()
    read, splits = read_annotations(tmp_path / 'y')
    assert [(r['frame_dir'], r['img_shape']) for r in read] == [('a', (4, 5)), ('b', (4, 5))]
    assert splits == {'train': ['a', 'b']}


def test_equal_tuples_of_different_types_keep_their_types(tmp_path):
    write_pickle(tmp_path / 'x', [record('a'), record('b', img_shape=(4.0, 5.0))], None)
    assert [repr(r['img_shape']) for r in read_annotations(tmp_path / 'x')[0]] == ['(4, 5)', '(4.0, 5.0)']


def test_splits_follow_the_order_of_the_records_without_absent_clips(tmp_path):
    records = [record('b'), record('a'), record('c')]
    splits = write_pickle(tmp_path / 'x', records, {'train': ['z', 'a', 'b'], 'val': ['c'], 'test': []})
    assert splits == {'train': ['b', 'a'], 'val': ['c'], 'test': []}
    assert read_annotations(tmp_path / 'x')[1] == splits


def test_a_file_may_have_no_records(tmp_path):
    assert write_pickle(tmp_path / 'new' / 'x', [], {'train': ['a']}) == {'train': []}
    assert pickle.loads((tmp_path / 'new' / 'x').read_bytes()) == {'split': {'train': []}, 'annotations': []}


def test_a_wrong_record_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="record 'a' has total_frames=3"):
        write_pickle(tmp_path / 'x', [record('a', total_frames=3)], None)
    assert list(tmp_path.iterdir()) == []


def test_the_summary_equals_counts_by_hand():
    records = [
        {'label': 0, 'keypoint': np.zeros((1, 4, 3, 2))},
        {'label': 2, 'keypoint': np.zeros((2, 6, 3, 2))},
        {'label': 2, 'keypoint': np.zeros((1, 9, 3, 2))},
    ]
    assert summary(records, {'train': ['x', 'y'], 'val': ['z']}, 'mine').splitlines() == [
        '3 clips, 2 classes, 3 joints (mine), 2D',
        'frames: 4 min, 6 median, 9 max, 19 total',
        'persons per clip: 1 in 2, 2 in 1',
        'clips per class: 1 to 2',
        '1 classes have no clip: 1',
        'split train: 2',
        'split val: 1',
    ]


def test_classes_of_equal_size_are_reported_with_one_number():
    records = [{'label': label, 'keypoint': np.zeros((1, 4, 3, 2))} for label in (0, 0, 1, 1)]
    assert 'clips per class: 2' in summary(records, None, None).splitlines()
