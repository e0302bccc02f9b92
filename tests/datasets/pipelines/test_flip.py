"""Flipped images: by hand, and which joints swap places."""

import numpy as np
import pytest

from pyskl.datasets.pipelines.flip import Flip
from pyskl.datasets.records.clip_table import table_of
from tests.datasets.pipelines.test_geometry2d import moved, sample

TRIPLE = {'joints': 3, 'edges': [(1, 0), (2, 1)], 'left': [0], 'right': [2]}


def test_a_flip_mirrors_joints_and_swaps_sides():
    flipped = Flip(1, layout=TRIPLE)(
        sample([[10, 1], [20, 2], [0, 3]], keypoint_score=np.array([[[0.1, 0.2, 0.3]]]), label=4)
    )
    assert moved(flipped) == ([[0, 3], [180, 2], [190, 1]], (100, 200))
    assert flipped['keypoint_score'].tolist() == [[[0.3, 0.2, 0.1]]]
    assert flipped['label'] == 4


def test_two_flips_are_the_identity():
    before = sample(np.random.RandomState(0).randint(1, 199, (17, 2)), keypoint_score=np.random.rand(1, 1, 17), label=1)
    flip = Flip(1, flip_label_map={1: 2, 2: 1})
    once = flip(dict(before))
    assert once['label'] == 2
    assert not np.array_equal(once['keypoint'], before['keypoint'])
    twice = flip(dict(once))
    for key in ('keypoint', 'keypoint_score', 'label'):
        assert np.array_equal(twice[key], before[key])


def test_given_lists_take_precedence_over_the_skeletons():
    points = [[10, 1], [20, 2], [30, 3]]
    assert moved(Flip(1, left_kp=[], right_kp=[], layout=TRIPLE)(sample(points)))[0] == [[190, 1], [180, 2], [170, 3]]
    assert moved(Flip(1, left_kp=[0], right_kp=[1], layout=TRIPLE)(sample(points)))[0] == [
        [180, 2], [190, 1], [170, 3],
    ]  # fmt: skip


def test_flips_occur_at_the_given_rate_and_consume_one_random_number():
    flips = [Flip(0.3, layout=TRIPLE)(sample([[1, 1]] * 3))['flip'] for _ in range(1000)]
    assert 250 < sum(flips) < 350
    np.random.seed(0)
    np.random.rand(1000)
    expected = np.random.rand()
    np.random.seed(0)
    for ratio in [0, 1] * 500:
        Flip(ratio, layout=TRIPLE)(sample([[1, 1]] * 3))
    assert np.random.rand() == expected


def test_given_lists_suffice_for_any_number_of_joints():
    points = [[10, 1], [20, 2], [30, 3]]
    assert moved(Flip(1, left_kp=[0], right_kp=[2])(sample(points)))[0] == [[170, 3], [180, 2], [190, 1]]
    with pytest.raises(ValueError, match='left_kp, right_kp must pair different indices below 3'):
        Flip(1, left_kp=[0], right_kp=[5])(sample(points))
    with pytest.raises(ValueError, match='must pair different indices'):
        Flip(1, left_kp=[0], right_kp=[0])


def test_joints_that_do_not_match_the_layout_raise():
    with pytest.raises(ValueError, match="direction must be 'horizontal', got 'vertical'"):
        Flip(direction='vertical')
    with pytest.raises(ValueError, match="layout='coco' has 17 joints, but .*set left_kp and right_kp, or"):
        Flip(1)(sample([[1, 1]]))
    clips = table_of([{**sample([[50, 60]] * 3), 'label': 0}])
    found = [check for check in Flip(0.5).checks() if check.bad(clips).any()]
    assert [check.what for check in found] == [
        "does not have the 17 joints of Flip layout='coco'; set it to the skeleton of the data"
    ]
    assert not [check for check in Flip(0).checks() if check.bad(clips).any()]
