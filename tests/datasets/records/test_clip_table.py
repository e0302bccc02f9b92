"""Ranges of clips: by hand, and equal for every dtype."""

import numpy as np
import pytest

from pyskl.datasets.records.clip_table import COLUMNS, ClipTable, label_of, ranges_of, table_of


def named(record):
    return {key: value for key, value in zip(COLUMNS, ranges_of(record).tolist(), strict=True) if value == value}


@pytest.mark.parametrize('dtype', [np.float16, np.float32, np.float64, np.int32])
@pytest.mark.parametrize('shift', [0, -8])
def test_ranges_are_minimum_and_maximum(dtype, shift):
    keypoint = np.array([[[[1, 9], [4, 2]], [[3, 5], [7, 0]]]], dtype) + dtype(shift)
    score = np.array([[[1, 0], [1, 1]]], dtype)
    assert named({'keypoint': keypoint, 'keypoint_score': score, 'img_shape': (10, 20)}) == {
        'x_low': 1 + shift, 'x_high': 7 + shift, 'y_low': shift, 'y_high': 9 + shift,
        'score_low': 0, 'score_high': 1, 'height': 10, 'width': 20,
    }  # fmt: skip


def test_only_the_third_channel_of_boxes_is_certainly_a_score():
    boxes = {'keypoint': np.ones((3, 17, 3)) * [5, 6, 0.5], 'frame_inds': np.array([0, 0, 1]), 'total_frames': 2}
    assert named(boxes)['score_high'] == 0.5
    assert named({'keypoint': np.ones((1, 2, 17, 3)) * [5, 6, 0.5]})['third_high'] == 0.5
    assert named({'raw_file': 'x.pkl'}) == {}


def test_a_clip_is_seen_if_a_joint_and_a_score_are_not_zero():
    zeros, ones = np.zeros((1, 2, 3, 2)), np.ones((1, 2, 3, 2))
    table = table_of(
        [{'keypoint': zeros}, {'keypoint': ones}, {'keypoint': ones, 'keypoint_score': np.zeros((1, 2, 3))}]
    )
    assert table.seen.tolist() == [False, True, False]
    assert table.labels.tolist() == [-1, -1, -1]
    with pytest.raises(AttributeError):
        _ = table.z_low


@pytest.mark.parametrize('label', [2, 2.0, np.int8(2), np.array(2), [2], (2,), np.array([2]), np.array([[2.0]])])
def test_a_single_number_is_a_class_in_any_container(label):
    assert label_of({'label': label}) == 2


@pytest.mark.parametrize('label', ['2', -2, 2.5, float('nan'), {}, 2**40, b'2', ['a'], [None]])
def test_other_labels_raise(label):
    with pytest.raises((ValueError, TypeError)):
        label_of({'label': label})


def test_clips_of_a_store_without_ranges_count_as_seen():
    shapes = np.array([[1, 8, 17, 2]])
    older = ClipTable(np.zeros(1, int), shapes, np.ones(1, bool), np.full((1, len(COLUMNS)), np.nan), dict)
    empty = ClipTable(np.zeros(1, int), shapes, np.ones(1, bool), np.zeros((1, len(COLUMNS))), dict)
    assert older.seen.tolist() == [True]
    assert empty.seen.tolist() == [False]
