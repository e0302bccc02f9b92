import numpy as np
import pytest

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import write_annotations
from pyskl.datasets.records.audit import (
    FAILS,
    MISLEADS,
    NOTE,
    Finding,
    all_findings,
    fixed_records,
    status,
    unused_classes,
)
from pyskl.datasets.records.survey import survey


def record(name, label=0, start=None, shape=(1, 4, 17, 2)):
    start = sum(map(ord, name)) if start is None else start
    keypoint = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + start
    return {'frame_dir': name, 'label': label, 'total_frames': shape[1], 'keypoint': keypoint}


def found(records, splits=None, **more):
    return {(f.severity, f.what): f.names for f in all_findings(survey(records), splits, **more)}


SPLITS = {'train': ['a', 'b'], 'val': ['c']}


def test_valid_records_have_no_findings():
    assert found([record('a'), record('b', 1), record('c', 1)], SPLITS) == {}


def test_a_copy_across_splits_misleads():
    clips = [record('a'), record('b', 1), record('c', start=ord('a'))]
    assert found(clips, SPLITS) == {
        (MISLEADS, 'clips of val (1) are copies of clips of train; remove them from val'): ['c = a'],
        (NOTE, 'groups of equal clips, in any split'): ['a = c'],
    }


def test_equal_clips_with_different_labels_mislead():
    clips = [record('a'), record('b', 1, start=ord('a')), record('c', 1)]
    assert found(clips, SPLITS)[MISLEADS, 'equal clips with different labels'] == ['a (label 0) = b (label 1)']


def test_overlapping_splits_mislead():
    clips = [record('a'), record('b'), record('c')]
    assert found(clips, {'train': ['a', 'b'], 'val': ['b', 'c']}) == {
        (MISLEADS, 'clips are in train and in val'): ['b'],
    }
    assert found(clips, {'xsub_train': ['a', 'b'], 'xset_val': ['b', 'c']}) == {}


def test_splits_are_checked_against_names():
    clips = [record('a'), record('b'), record('b', start=0), record('c')]
    assert found(clips, {'train': ['a', 'a', 'x'], 'val': ['c'], 'none': []}) == {
        (NOTE, "split 'train' names clips that have no record"): ['x'],
        (NOTE, "split 'none' has no clips"): [],
        (NOTE, 'several records have the same name; a split selects all of them'): ['b (2 times)'],
        (NOTE, "split 'train' names clips more than once; they count once"): ['a (2 times)'],
    }


def test_labels_are_checked_over_all_records():
    clips = [record('a'), record('b', 3), record('c', None)]
    assert found(clips, SPLITS) == {
        (FAILS, 'has no label (-1 means none)'): ['c'],
        (NOTE, 'classes between 0 and 3 that no clip has'): ['1', '2'],
    }
    assert found([record('a', 10**6)]) == {(NOTE, '1 classes are numbered up to 1000000; number them from 0'): []}


def test_unused_records_do_not_stop_training():
    clips = [record('a'), record('b', start=np.nan)]
    kind = 'has NaN or infinite coordinates'
    assert found(clips)[FAILS, kind] == ['b (136 values)']
    assert found(clips, used=np.array([0]), pairs=[])[NOTE, kind] == ['b (136 values)']


def test_records_with_different_joints_are_reported():
    clips = [record('a'), record('b'), record('c', shape=(1, 4, 18, 2))]
    kind = 'does not have the number of joints and coordinates of most records, 17 x 2'
    assert found(clips, SPLITS) == {(FAILS, kind): ['c (18 x 2)']}


def test_classes_of_the_head_without_a_clip_are_a_note():
    table = survey([record('a'), record('b', 5)])
    assert unused_classes(table, np.arange(2), 3) == [
        Finding(NOTE, 'classes of num_classes=3 that no clip has', ['1', '2'])
    ]
    assert unused_classes(table, np.arange(1), 1) == unused_classes(table, np.arange(1), None) == []


def test_a_label_of_one_element_becomes_a_number():
    fixed, _, done = fixed_records(
        clips := [record('a', np.array(2)), record('b', [1]), record('c', [0, 1])], None, survey(clips)
    )
    assert [clip['label'] for clip in fixed] == [2, 1, [0, 1]]
    assert done == {'label with one element converted to a number': ['a', 'b']}


@pytest.mark.parametrize(
    ('severities', 'expected'), [([], 0), ([NOTE], 0), ([NOTE, MISLEADS], 2), ([MISLEADS, FAILS], 1)]
)
def test_exit_status(severities, expected):
    assert status(Finding(severity, '') for severity in severities) == expected


def broken():
    long, empty = record('long'), record('empty')
    long['total_frames'] = 7
    empty['keypoint'][:] = 0
    text, both = record('text', 'wave'), record('both', start=np.inf)
    both['total_frames'] = 7
    clips = [record('a'), record('b'), record('c', start=ord('a')), long, empty, text, both, 3]
    return clips, {'train': ['a', 'b', 'nan', 'x'], 'val': ['c', 'long', 'b', 'empty']}


def test_fixable_records_are_fixed_and_the_rest_is_dropped():
    clips, splits = broken()
    fixed, left, done = fixed_records(clips, splits, survey(clips))
    assert [clip['frame_dir'] for clip in fixed] == ['a', 'b', 'c', 'long']
    assert fixed[3]['total_frames'] == 4 and clips[3]['total_frames'] == 7  # the given record is unchanged
    assert left == {'train': ['a', 'b'], 'val': ['c', 'long', 'b']}
    assert done["total_frames set to keypoint's T"] == ['long']
    dropped = done['dropped: invalid for training, or shows no person']
    assert [name.split(' ')[0] for name in dropped] == ['empty', 'text', 'both', 'record']
    assert status(all_findings(survey(fixed), left)) == 2  # copies remain unless drop_duplicates


def test_drop_duplicates_removes_copies_from_the_evaluation_split():
    clips, splits = broken()
    fixed, left, _ = fixed_records(clips, splits, survey(clips), drop_duplicates=True)
    assert left == {'train': ['a', 'b'], 'val': ['long']}
    assert len(fixed) == 4
    assert status(all_findings(survey(fixed), left)) == 0


def test_names_that_are_numbers_become_text_in_records_and_splits():
    clips = [record('a'), record('b')]
    clips[0]['frame_dir'] = 17
    fixed, left, _ = fixed_records(clips, {'train': [17]}, survey(clips))
    assert (fixed[0]['frame_dir'], clips[0]['frame_dir'], left) == ('17', 17, {'train': ['17']})


def test_a_fixed_file_uses_the_same_names_when_its_first_record_is_dropped(tmp_path):
    broken = {'frame_dir': 'a', 'label': 0, 'keypoint': None}
    clips = [broken, {**record('b'), 'filename': 'b.avi'}, {**record('c'), 'filename': 'c.avi'}]
    fixed, splits, done = fixed_records(clips, {'train': ['a', 'b'], 'val': ['c']}, survey(clips))
    write_annotations(tmp_path / 'fixed.pkl', fixed, splits)
    assert PoseDataset(tmp_path / 'fixed.pkl', split='val')[0]['frame_dir'] == 'c'
    assert [r.get('filename') for r in fixed] == [None, 'c.avi']
    assert done['filename removed from the first record, so that splits refer to frame_dir'] == ['b']
    assert clips[1]['filename'] == 'b.avi'
