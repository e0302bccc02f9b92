import numpy as np
import pytest

from pyskl.skeletons import get_skeleton
from pyskl.visualization.colors import LEFT, NEITHER, PANEL, PERSONS, RIGHT
from pyskl.visualization.skeleton import draw_skeleton, merge_channels, visibility

STICK = get_skeleton({'joints': ['l', 'm', 'r'], 'edges': [['l', 'm'], ['r', 'm']], 'left': ['l'], 'right': ['r']})
POINTS = np.array([[(10, 20), (30, 20), (50, 20)]], float)


def blank():
    return np.zeros((40, 60, 3), np.uint8)


def at(image, x, y):
    return tuple(image[y, x].tolist())


def test_joints_and_limbs_are_drawn_at_their_pixels_in_the_colours_of_their_sides():
    image = draw_skeleton(blank(), POINTS, STICK)
    assert [at(image, x, 20) for x in (10, 30, 50)] == list(PERSONS[0])
    assert (at(image, 20, 20), at(image, 40, 20)) == (PERSONS[0][LEFT], PERSONS[0][RIGHT])  # limbs
    assert at(image, 30, 5) == (0, 0, 0)


def test_each_person_has_a_colour_of_its_own():
    image = draw_skeleton(blank(), np.concatenate([POINTS, POINTS + (0, 12)]), STICK)
    assert (at(image, 30, 20), at(image, 30, 32)) == (PERSONS[0][NEITHER], PERSONS[1][NEITHER])


def test_the_input_image_is_unchanged():
    image = blank()
    draw_skeleton(image, POINTS, STICK)
    assert not image.any()


def test_joints_of_score_0_and_their_limbs_are_invisible():
    image = draw_skeleton(blank(), POINTS, STICK, np.array([[0.0, 1, 1]]))
    assert not image[:, :22].any()
    assert at(image, 40, 20) == PERSONS[0][RIGHT]
    assert not draw_skeleton(blank(), POINTS, STICK, np.zeros((1, 3))).any()


def test_a_score_of_0_5_gives_half_the_brightness():
    image = draw_skeleton(blank(), POINTS, STICK, np.array([[0.5, 0, 0]]))
    assert np.abs(np.array(at(image, 10, 20)) - np.array(PERSONS[0][LEFT]) / 2).max() <= 1


def test_near_persons_cover_far_ones():
    both = np.concatenate([POINTS, POINTS])
    for depths, front in (((5, 9), 0), ((9, 5), 1)):
        image = draw_skeleton(blank(), both, STICK, None, np.repeat(depths, 3).reshape(2, 3).astype(float))
        assert at(image, 30, 20) == PERSONS[front][NEITHER]


def test_points_outside_the_image_and_nan_are_clipped():
    points = np.array([[(-1e9, 5), (np.nan, 5), (1e9, np.inf)]])
    assert draw_skeleton(blank(), points, STICK).shape == (40, 60, 3)
    assert at(draw_skeleton(blank(), np.array([[(-20, 20), (80, 20), (80, 25)]], float), STICK), 30, 20) != (0, 0, 0)


@pytest.mark.parametrize(
    ('points', 'arguments', 'message'),
    [
        (np.zeros((3, 2)), {}, r'points must be \(M, 3, 2\)'),
        (np.zeros((1, 4, 2)), {}, r'points must be \(M, 3, 2\)'),
        (POINTS, {'opacity': np.ones(3)}, r'opacity must be \(1, 3\)'),
        (POINTS, {'depth': np.ones((2, 3))}, r'depth must be \(1, 3\)'),
    ],
)
def test_arrays_of_other_shapes_raise(points, arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_skeleton(blank(), points, STICK, **arguments)


def test_visibility_is_the_clipped_score_and_0_at_the_origin():
    keypoint = np.array([[[(1, 2), (0, 0), (3, 4)]]], np.float16)
    score = np.array([[[0.5, 1, 1.75]]])
    assert visibility(keypoint, score).tolist() == [[[0.5, 0, 1]]]
    assert visibility(keypoint).tolist() == [[[1, 0, 1]]]


def test_in_normalised_data_only_absent_persons_are_invisible():
    keypoint = np.zeros((2, 1, 2, 3))
    keypoint[0, 0, 1] = 1
    assert visibility(keypoint, zero_is_unseen=False).tolist() == [[[1, 1]], [[0, 0]]]


def test_nan_joints_and_scores_are_invisible():
    assert visibility(np.array([[[(1, np.nan), (1, 1)]]]), np.array([[[1, np.nan]]])).tolist() == [[[0, 0]]]


def test_channels_merge_to_the_brightest():
    heatmaps = np.array([[[1.0, 0.5, 0]], [[0.25, 0, 0]]])  # (2, 1, 3)
    merged = merge_channels(heatmaps, np.array([(200, 100, 0), (0, 0, 255)], np.uint8))
    assert merged[0, 0].tolist() == [200, 100, 0]
    assert np.abs(merged[0, 1] - (np.array([200, 100, 0]) + PANEL) / 2).max() <= 0.5
    assert merged[0, 2].tolist() == list(PANEL)
    with pytest.raises(ValueError, match='one colour|colors'):
        merge_channels(heatmaps, np.zeros((3, 3), np.uint8))
