import numpy as np
import pytest

from pyskl.datasets.records.survey import (
    guess_layouts,
    histogram,
    label_of,
    members_of,
    problems_of,
    protocol_pairs,
    repeats_across,
    same_content,
    seen_joints,
    span,
    survey,
    usual_layout,
)  # fmt: skip


def record(name='a', label=0, shape=(1, 4, 17, 2), start=1.0, **more):
    keypoint = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) + start
    return {'frame_dir': name, 'label': label, 'total_frames': shape[1], 'keypoint': keypoint, **more}


def test_a_joint_is_seen_unless_its_score_or_all_its_coordinates_are_zero():
    keypoint = np.array([[[[0, 0], [0, 1], [1, 0], [2, 2]]]])
    assert seen_joints(keypoint).ravel().tolist() == [False, True, True, True]
    assert seen_joints(keypoint, np.array([[[1, 1, 1, 0]]])).ravel().tolist() == [False, True, True, False]


def test_a_range_with_equal_ends_is_one_number():
    assert (span([6, 4, 5]), span([4, 4]), span([4]), span([])) == ('4 to 6', '4', '4', 'none')


def test_valid_records_have_no_problems():
    score = np.ones((1, 4, 17), np.float32)
    assert problems_of(record(keypoint_score=score, img_shape=(8, 8))) == {}
    boxes = {'frame_dir': 'k400', 'label': 1, 'total_frames': 3, 'frame_inds': np.arange(3), 'raw_file': 'x'}
    assert problems_of(boxes) == problems_of({**boxes, 'keypoint': None}) == {}
    assert problems_of({**boxes, 'keypoint': np.ones((3, 17, 3))}) == {}


def test_all_problems_of_a_record_are_reported():
    bad = record(label='wave')
    bad['keypoint'][0, 0, :3] = np.nan
    bad['total_frames'] = 9
    bad['keypoint_score'] = np.ones((1, 3, 17))
    assert problems_of(bad) == {
        'has a label that is not a class index': "label 'wave'",
        "has total_frames that differ from keypoint's T": '9, keypoint (1, 4, 17, 2)',
        'has NaN or infinite coordinates': '6 values',
        "has a keypoint_score that is not keypoint's (M, T, V)": 'float64 (1, 3, 17), keypoint (1, 4, 17, 2)',
    }


@pytest.mark.parametrize(
    ('change', 'kind'),
    [
        ({'keypoint': np.zeros((0, 4, 17, 2))}, 'has no person'),
        ({'keypoint': np.zeros((1, 0, 17, 2)), 'total_frames': 0}, 'has no frames'),
        ({'keypoint': np.zeros((1, 4, 17, 5))}, 'has no joints, or not 2 or 3 coordinates'),
        ({'keypoint': np.zeros((4, 17, 2))}, 'has a keypoint that is not an array of numbers (M, T, V, C)'),
        ({'keypoint': [[1]]}, 'has a keypoint that is not an array of numbers (M, T, V, C)'),
        ({'keypoint': None}, 'has no keypoint'),
        ({'keypoint': None, 'frame_inds': np.array([5])}, 'has boxes that cannot be arranged in frames'),
        ({'keypoint': np.ones((2, 17, 3)), 'frame_inds': [0]}, 'has boxes that cannot be arranged in frames'),
        ({'frame_dir': ['a']}, 'has a frame_dir that is not text'),
        ({'img_shape': (0, 5)}, 'has a field that cannot be used'),
        ({'total_frames': np.arange(4)}, "has total_frames that differ from keypoint's T"),
        ({'keypoint_score': np.full((1, 4, 17), np.inf)}, 'has NaN or infinite scores'),
    ],
)
def test_each_problem_has_its_kind(change, kind):
    assert list(problems_of(record(**change))) == [kind]


@pytest.mark.parametrize(('label', 'number'), [(3, 3), (3.0, 3), (None, -1), (np.array([4]), 4), ([1, 2], -2)])
def test_labels_in_every_container(label, number):
    assert label_of({'label': label}) == number


@pytest.mark.parametrize('label', ['1', 1.5, float('nan'), np.float32('inf'), -3, 10**30, {}, ['a']])
def test_invalid_labels_raise(label):
    with pytest.raises((ValueError, TypeError)):
        label_of({'label': label})


def test_persons_who_are_never_seen_do_not_count_as_missing_joints():
    clip = record(shape=(2, 4, 17, 2))
    clip['keypoint'][1] = 0
    clip['keypoint'][0, :, 5] = 0
    table = survey([clip])
    assert table.persons.tolist() == [1]
    assert table.missing[0] == pytest.approx(1 / 17)
    assert table.missing_joints.nonzero()[0].tolist() == [5]


def test_survey_accepts_invalid_records():
    empty = record('empty')
    empty['keypoint'][:] = 0
    table = survey([record('ok'), 7, {}, record('nan', start=np.nan), empty])
    assert table.names == ['ok', 'record 1', 'record 2', 'nan', 'empty']
    assert sorted(table.problems) == [1, 2, 3]
    assert table.content.tolist() == [0, -1, -1, -1, -1]
    assert usual_layout(table) == (17, 2)


def test_content_is_equal_if_all_bytes_are():
    clips = [record('a'), record('b'), record('c', start=2), record('d', shape=(1, 4, 34, 1)), record('e')]
    table = survey(clips)
    assert same_content(table) == [[0, 1, 4]]
    assert repeats_across(table, np.array([0, 2]), np.array([1, 2, 4])) == {1: 0, 4: 0}  # 2 is in both, by name


def test_splits_pair_within_their_protocol():
    assert protocol_pairs(['xsub_train', 'xsub_val', 'xset_train', 'xset_val', 'xsub_val_dedup', 'all']) == [
        ('xsub_train', 'xsub_val'),
        ('xsub_train', 'xsub_val_dedup'),
        ('xset_train', 'xset_val'),
    ]
    assert protocol_pairs(['train1', 'test1', 'train10', 'test10']) == [('train1', 'test1'), ('train10', 'test10')]
    assert protocol_pairs(['train', 'val', 'test']) == [('train', 'val'), ('train', 'test')]


def test_members_are_records_by_name_and_unknown_names():
    inside, unknown = members_of(['a', 'b', 'b'], {'train': ['b', 'x', 'b'], 'val': ['a']})
    assert {split: members.tolist() for split, members in inside.items()} == {'train': [1, 2], 'val': [0]}
    assert unknown == {'train': ['x']}


def test_layouts_are_guessed_by_joints_and_dims():
    assert guess_layouts(survey([record()])) == (2, ['coco'])
    assert guess_layouts(survey([record(shape=(1, 4, 25, 3))])) == (3, ['nturgb+d'])
    scored = record(shape=(1, 4, 18, 3))
    scored['keypoint'][..., 2] = 0.5
    assert guess_layouts(survey([scored])) == (2, ['openpose'])


def test_histogram_covers_every_value_once():
    assert histogram(np.array([1, 2, 2, 9])) == [(v, v, {1: 1, 2: 2, 9: 1}.get(v, 0)) for v in range(1, 10)]
    assert histogram(np.array([0, 5, 21]), bars=4) == [(0, 5, 2), (6, 11, 0), (12, 17, 0), (18, 21, 1)]
    assert histogram(np.array([], int)) == []


def test_a_box_is_a_person_in_a_frame():
    boxes = {'frame_dir': 'k', 'label': 0, 'total_frames': 9, 'frame_inds': np.array([1, 1, 4])}
    keypoint = np.ones((3, 17, 3), np.float16)
    keypoint[1, :, 2] = 0  # a box without a joint
    keypoint[0, 5, 2] = 0
    table = survey([{**boxes, 'keypoint': keypoint}, {**boxes, 'raw_file': 'x.pkl'}])
    assert table.shapes.tolist() == [[2, 9, 17, 2], [0, 0, 0, 0]]
    assert table.persons.tolist() == [2, 0] and table.has_score.tolist() == [True, False]
    assert table.missing[0] == pytest.approx(1 / 34) and table.missing_joints[5] == 0.5
    assert not table.problems
