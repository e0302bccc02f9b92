"""Annotation files: what is read, what raises and with which message."""

import pickle
import re

import numpy as np
import pytest

from pyskl.datasets.records.annotations import read_annotations, record_problem, write_annotations


def test_a_written_file_is_read_back(tmp_path, make_record):
    records = [make_record('a'), make_record('b', frames=7)]
    write_annotations(tmp_path / 'new' / 'x.pkl', records, {'train': ['b']})
    found, splits = read_annotations(tmp_path / 'new' / 'x.pkl')
    assert splits == {'train': ['b']}
    assert [r['frame_dir'] for r in found] == ['a', 'b']
    assert np.array_equal(found[1]['keypoint'], records[1]['keypoint'])
    assert [p.name for p in (tmp_path / 'new').iterdir()] == ['x.pkl']


def test_a_bare_list_has_no_splits(tmp_path, make_record):
    write_annotations(tmp_path / 'x.pkl', [make_record()])
    assert isinstance(pickle.loads((tmp_path / 'x.pkl').read_bytes()), list)
    assert read_annotations(tmp_path / 'x.pkl')[1] is None


@pytest.mark.parametrize(
    'content, words',
    [
        ({'annos': []}, r"a dict with keys \['annos'\]"),
        ([1, 2], 'or a list of dicts'),
        (3, "must be a dict with 'split' and 'annotations'"),
        ([], 'has no records'),
        (
            {'annotations': [{'frame_dir': 'a'}], 'split': {'val': ['b', 'c']}},
            "2 clips of split 'val' have no annotation .*'b'",
        ),
        ({'annotations': [{'frame_dir': 'a'}], 'split': ['a']}, "'split' must be a dict of lists"),
    ],
)
def test_other_structures_are_refused(tmp_path, content, words):
    path = tmp_path / 'x.pkl'
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=words) as error:
        read_annotations(path)
    assert str(path) in str(error.value)


def test_splits_may_name_clips_by_filename(tmp_path, make_record):
    path = tmp_path / 'x.pkl'
    record = make_record('folder', filename='file.mp4')
    path.write_bytes(pickle.dumps({'annotations': [record], 'split': {'val': ['file.mp4']}}))
    assert read_annotations(path)[1] == {'val': ['file.mp4']}


@pytest.mark.parametrize(
    'fields, words',
    [
        ({'keypoint': None}, "has no 'keypoint'.*must be an array"),
        ({'keypoint': [[1]]}, 'has keypoint list'),
        ({'keypoint': np.zeros((4, 17, 2))}, r'float64 \(4, 17, 2\); it must be an array of numbers \(M, T, V, C\)'),
        ({'keypoint': np.zeros((0, 4, 17, 2)), 'keypoint_score': None}, r'has no person: keypoint \(0, 4, 17, 2\)'),
        ({'keypoint': np.zeros((1, 0, 17, 2)), 'keypoint_score': None}, 'has no frames'),
        ({'keypoint': np.zeros((1, 4, 17, 5)), 'keypoint_score': None}, 'C of 2 or 3'),
        ({'total_frames': 5}, r'has total_frames=5 but keypoint \(1, 4, 17, 2\), 4 frames'),
        ({'keypoint_score': np.zeros((1, 3, 17))}, r'keypoint_score \(1, 3, 17\).*must be \(1, 4, 17\)'),
        ({'keypoint_score': [0.5]}, 'keypoint_score list'),
        ({'keypoint': np.zeros((1, 4, 17, 3))}, 'only joints with 2 coordinates can have a score'),
        ({'keypoint': np.full((1, 4, 17, 2), np.nan)}, 'has 136 NaN or infinite values in keypoint'),
        ({'keypoint_score': np.full((1, 4, 17), -np.inf)}, 'has 68 NaN or infinite values in keypoint_score'),
        ({'label': 1.5}, r'has label 1\.5'),
    ],
)
def test_a_wrong_record_is_described(make_record, fields, words):
    assert record_problem(make_record()) is None
    record = {key: value for key, value in {**make_record(), **fields}.items() if value is not None}
    problem = record_problem(record)
    assert re.search(words, problem), problem


def test_large_numbers_that_overflow_a_sum_are_not_infinite(make_record):
    keypoint = np.full((1, 4, 17, 2), 3e38, np.float32)
    assert record_problem(make_record(keypoint=keypoint)) is None


def test_a_failed_write_leaves_the_old_file(tmp_path, make_record):
    path = tmp_path / 'x.pkl'
    write_annotations(path, [make_record('a')])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="record 'b' has no person"):
        write_annotations(path, [make_record('b', persons=0)])
    with pytest.raises((pickle.PicklingError, AttributeError)):
        write_annotations(path, [make_record('c', extra=lambda: None)])
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ['x.pkl']


def test_a_read_file_can_be_written_and_read_again(tmp_path, make_record):
    first, second = tmp_path / 'first.pkl', tmp_path / 'second.pkl'
    write_annotations(first, [make_record('a'), make_record('b')], {'train': ['b']})
    records, splits = read_annotations(first)
    assert type(records[0]['keypoint']) is np.ndarray
    write_annotations(second, records, splits)
    again, splits_again = read_annotations(second)
    assert splits_again == splits
    assert np.array_equal(again[1]['keypoint'], records[1]['keypoint'])


@pytest.mark.parametrize(
    ('name', 'splits', 'words'),
    [
        (['a'], {'train': []}, r"a record has frame_dir \['a'\]; it must be text for splits"),
        ('a', {'train': [['a']]}, r"1 clips of split 'train' have no annotation .*, first \['a'\]"),
        ('a', {'train': 5}, "split 'train' is 5; it must be a list of names"),
        ('a', {'train': 'a'}, "split 'train' is 'a'; it must be a list of names"),
        ('a', {'train': np.array(3)}, r"split 'train' is .*\(3\); it must be a list of names"),
    ],
)
def test_invalid_names_raise_one_line(tmp_path, make_record, name, splits, words):
    path = tmp_path / 'x.pkl'
    path.write_bytes(pickle.dumps({'split': splits, 'annotations': [make_record(name)]}))
    with pytest.raises(ValueError, match=words) as caught:
        read_annotations(path)
    assert '\n' not in str(caught.value)
