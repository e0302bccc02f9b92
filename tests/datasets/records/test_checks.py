"""Each check at its limits, on a table of one clip; tests/datasets/test_fit.py runs them for a config."""

import numpy as np
import pytest

from pyskl.datasets.records.checks import (
    image_checks,
    joint_checks,
    label_checks,
    layout_check,
    length_check,
    nobody_check,
    score_checks,
    several_labels_check,
)
from pyskl.datasets.records.clip_table import table_of

HEIGHT, WIDTH = 100, 200


def table(low=(10, 10), high=(90, 90), **fields):
    """A clip of two joints at ``low`` and ``high``."""
    keypoint = np.array([[[low, high]]], np.float32)
    record = {'frame_dir': 'x', 'label': 0, 'total_frames': 1, 'img_shape': (HEIGHT, WIDTH), 'keypoint': keypoint}
    return table_of([{key: value for key, value in {**record, **fields}.items() if value is not None}])


def bad(check, clips):
    return bool(check.bad(clips)[0])


SHARES, SWAPPED, OUTSIDE, MISSING = image_checks()


@pytest.mark.parametrize(('high', 'found'), [(1.0, True), (2.0, True), (2.5, False)])
def test_coordinates_up_to_two_are_reported_as_shares_of_the_image(high, found):
    assert bad(SHARES, table((0.1, 0.1), (high, 0.5))) == found


def test_in_a_tiny_image_coordinates_up_to_two_may_be_pixels():
    assert not bad(SHARES, table((0, 0), (1, 2), img_shape=(15, 200)))
    assert bad(SHARES, table((0.1, 0), (1, 2), img_shape=(16, 200)))


def test_a_clip_without_persons_has_no_shares():
    assert not bad(SHARES, table((0, 0), (0, 0)))


@pytest.mark.parametrize(
    ('low', 'high', 'found'),
    [
        ((10, 10), (399, 199), False),
        ((10, 10), (401, 90), True),  # right of twice the width
        ((10, 10), (90, 201), True),  # below twice the height
        ((-199, 10), (90, 90), False),
        ((-201, 10), (90, 90), True),
        ((10, -101), (90, 90), True),
    ],
)
def test_joints_beyond_an_image_of_three_times_the_size_are_outside(low, high, found):
    assert bad(OUTSIDE, table(low, high)) == found


@pytest.mark.parametrize(
    ('shape', 'high', 'found'),
    [
        ((200, 100), (180, 90), True),  # x reaches beyond the width and would fit the height
        ((200, 100), (105, 90), False),  # a little beyond the width
        ((200, 100), (220, 90), False),  # beyond the height too
        ((200, 100), (180, 110), False),  # y would not fit the width
    ],
)
def test_height_and_width_are_swapped_if_joints_fit_the_other_way_round_only(shape, high, found):
    assert bad(SWAPPED, table((10, 10), high, img_shape=shape)) == found


def test_without_img_shape_the_default_image_size_is_used():
    clips = table(img_shape=None)
    assert bad(MISSING, clips) and 'img_shape missing' in OUTSIDE.detail(clips, 0)
    with_default = image_checks((HEIGHT, WIDTH))
    assert len(with_default) == 3
    assert bad(with_default[2], table((10, 10), (401, 90), img_shape=None))


NOT_A_SCORE, PERCENT, SCORE = score_checks('coco')


@pytest.mark.parametrize(
    ('third', 'kind'),
    [(-0.1, NOT_A_SCORE), (1.0, None), (2.0, None), (2.1, PERCENT), (100, PERCENT), (101, NOT_A_SCORE)],
)
def test_a_third_channel_is_a_score_a_percentage_or_neither(third, kind):
    clips = table(keypoint=np.array([[[[10, 10, 0.5], [90, 90, third]]]], np.float32))
    assert [check for check in (NOT_A_SCORE, PERCENT) if bad(check, clips)] == ([] if kind is None else [kind])


@pytest.mark.parametrize(('score', 'found'), [(-0.1, True), (0.0, False), (2.0, False), (2.1, True)])
def test_scores_lie_between_0_and_1_or_a_little_above(score, found):
    assert bad(SCORE, table(keypoint_score=np.array([[[0.5, score]]], np.float32))) == found


def test_a_clip_shows_no_person_if_all_joints_or_scores_are_0():
    assert bad(nobody_check(), table((0, 0), (0, 0)))
    assert bad(nobody_check(), table(keypoint_score=np.zeros((1, 1, 2), np.float32)))
    assert not bad(nobody_check(), table())


def test_joints_are_as_many_as_the_skeleton_has_and_of_its_dimensions():
    count, flat = joint_checks(2, 3, 'stick')
    assert not bad(count, table()) and bad(joint_checks(3, None)[0], table())
    assert bad(flat, table())
    assert not bad(flat, table(keypoint=np.ones((1, 1, 2, 3), np.float32)))
    assert bad(flat, table(keypoint=np.ones((1, 1, 2, 3), np.float32), keypoint_score=np.ones((1, 1, 2), np.float32)))
    assert len(joint_checks(2, 2)) == 4 and len(joint_checks(2, None)) == 1
    assert bad(layout_check('Flip', 3), table()) and not bad(layout_check('Flip', 2), table())


def test_a_label_is_a_class_of_the_head():
    (outside,) = label_checks(3, need_labels=False)
    assert bad(outside, table(label=3)) and not bad(outside, table(label=2))
    missing, _ = label_checks(3, need_labels=True)
    assert bad(missing, table(label=None)) and bad(missing, table(label=-1)) and not bad(missing, table(label=0))
    assert missing.detail(table(label=-1), 0) == 'label -1'


@pytest.mark.parametrize(('label', 'found'), [([0, 2], False), ([0, 3], True), ([-1], True), (None, True)])
def test_each_of_several_labels_is_a_class(label, found):
    assert bad(several_labels_check(3), table(label=label)) == found


def test_a_clip_may_have_as_many_frames_as_the_pipeline_takes():
    two = np.ones((1, 2, 2, 2), np.float32)
    assert not bad(length_check('PadTo', 2), table(keypoint=two, total_frames=2))
    assert bad(length_check('PadTo', 1), table(keypoint=two, total_frames=2))
