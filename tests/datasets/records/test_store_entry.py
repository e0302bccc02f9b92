import numpy as np
import pytest

from pyskl.datasets.records.store_entry import EntryMaker
from pyskl.datasets.records.store_format import Kind


def record(**fields):
    whole = {
        'frame_dir': 'clip1', 'label': 3, 'total_frames': 4, 'img_shape': (100, 200),
        'keypoint': np.full((1, 4, 5, 2), 7, np.float32), 'keypoint_score': np.ones((1, 4, 5), np.float32), **fields,
    }  # fmt: skip
    return {key: value for key, value in whole.items() if value is not None}


def entry(**fields):
    return EntryMaker().entry(record(**fields), 'frame_dir')


def test_an_entry_describes_its_record():
    found = entry()
    assert (found.name, found.member, found.problem) == ('clip1', 'clip1', None)
    assert (found.shape, found.has_score, found.label, found.valid) == ((1, 4, 5, 2), True, 3, None)
    assert found.ranges[:4] == [7, 7, 7, 7]
    assert Kind(found.schema).read(found.block)['img_shape'] == (100, 200)


def test_an_invalid_record_has_a_problem_and_no_shape():
    found = entry(keypoint=np.full((1, 4, 5, 2), np.nan))
    assert 'NaN' in found.problem
    assert (found.shape, found.has_score) == ((0, 0, 0, 0), False) and np.isnan(found.ranges).all()
    assert found.label == 3


@pytest.mark.parametrize(('label', 'column'), [(None, -1), ([1, 2], -1), ([4], 4), ('walk', -1), (2.5, -1)])
def test_a_label_that_is_not_a_single_class_is_stored_as_minus_1(label, column):
    assert entry(label=label).label == column


def test_prepare_is_called_for_valid_records_only():
    def prepare(given):
        return {**given, 'keypoint': given['keypoint'] * 2}

    maker = EntryMaker(prepare)
    valid, broken = maker.entry(record(), 'frame_dir'), maker.entry(record(total_frames=9), 'frame_dir')
    assert Kind(valid.schema).read(valid.block)['keypoint'].max() == 14
    assert valid.ranges[0] == 7  # of the file, not of what is stored
    assert broken.problem and Kind(broken.schema).read(broken.block)['keypoint'].max() == 7


def test_a_value_that_cannot_be_stored_is_left_out_with_one_warning():
    maker = EntryMaker()
    with pytest.warns(UserWarning, match="'extra' of type object cannot be stored") as warnings:
        found = [maker.entry(record(extra=object()), 'frame_dir') for _ in range(2)]
    assert len(warnings) == 1
    assert 'extra' not in Kind(found[1].schema).read(found[1].block)


def test_a_name_need_not_be_text():
    assert entry(frame_dir=7).name == '7' and entry(frame_dir=7).member == 7
    unnamed = EntryMaker().entry({k: v for k, v in record().items() if k != 'frame_dir'}, 'frame_dir')
    assert unnamed.name is None and unnamed.member is None
