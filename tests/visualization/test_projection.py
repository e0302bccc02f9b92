import numpy as np
import pytest

from pyskl.skeletons import SKELETONS
from pyskl.visualization.projection import bounds, camera, fit, floor_grid, grid_step, guess_up

X, Y, Z = np.eye(3)


def test_the_default_view_with_y_up_is_that_of_the_kinect():
    right, down, away = camera('y')
    assert (right == -X).all() and (down == -Y).all() and (away == Z).all()  # +x is to the sensor's left


def test_with_z_up_a_person_aligned_by_prenormalize3d_faces_the_camera():
    right, down, away = camera('z')
    assert (right == -X).all() and (down == -Z).all() and (away == -Y).all()


@pytest.mark.parametrize('up', ['x', 'y', 'z', '-x', '-y', '-z'])
def test_every_view_is_a_rotation(up):
    view = camera(up, 40, -25)
    assert np.allclose(view @ view.T, np.eye(3)) and np.isclose(np.linalg.det(view), 1)


def test_azimuth_90_looks_from_the_right():
    right, down, away = camera('y', azimuth=90)  # the camera is on the side of -x, which was the right
    assert np.allclose(away, X) and np.allclose(down, -Y)


def test_elevation_90_looks_from_above():
    right, down, away = camera('y', elevation=90)
    assert np.allclose(away, -Y) and np.allclose(right, -X)


def test_an_unknown_axis_raises():
    with pytest.raises(ValueError, match="up must be one of .* got 'w'"):
        camera('w')


@pytest.mark.parametrize(('axis', 'sign', 'up'), [(1, 1, 'y'), (2, 1, 'z'), (1, -1, '-y')])
def test_guess_up_is_the_axis_along_the_spine(axis, sign, up):
    skeleton = SKELETONS['nturgb+d']
    keypoint = np.zeros((1, 2, 25, 3))
    start, end = skeleton.spine
    keypoint[0, 0, end, axis] = sign
    keypoint[0, 0, end, 0] = 0.5
    assert guess_up(keypoint, np.ones((1, 2, 25)), skeleton) == up
    assert guess_up(keypoint, np.zeros((1, 2, 25)), skeleton) == 'y'
    assert guess_up(keypoint, np.ones((1, 2, 25)), SKELETONS['coco']) == 'y'


def test_fit_scales_both_axes_equally_and_centres():
    window = fit((0, 0), (10, 5), (101, 101))
    assert window.pixels(np.array([(0, 0), (10, 5), (5, 2.5)])).tolist() == [[0, 25], [100, 75], [50, 50]]


def test_fit_leaves_the_margin_free():
    assert fit((0, 0), (1, 1), (101, 101), 0.1).pixels(np.array([(0, 0), (1, 1)])).round(1).tolist() == [
        [10.1, 10.1], [89.9, 89.9],
    ]  # fmt: skip


def test_a_single_point_is_centred():
    assert fit((3, 3), (3, 3), (101, 51)).pixels(np.array((3.0, 3.0))).tolist() == [50, 25]


def test_bounds_ignore_invisible_points():
    points = np.array([(0, 9), (1, 2), (3, 1)], float)
    low, high = bounds(points, np.array([0, 1, 0.5]))
    assert (low.tolist(), high.tolist()) == ([1, 1], [3, 2])
    assert bounds(points, np.zeros(3)) is None


@pytest.mark.parametrize(('extent', 'step'), [(6, 1), (1.2, 0.2), (3, 0.5), (60, 10), (0, 1)])
def test_grid_steps_are_round_numbers(extent, step):
    assert np.isclose(grid_step(extent), step)


def test_the_floor_is_at_the_lower_bound():
    lines = floor_grid(np.array([0, -1.0, 0]), np.array([1, 1.0, 1]), 'y')
    assert (lines[..., 1] == -1).all() and lines[..., 0].min() <= 0 and lines[..., 2].max() >= 1
    assert (floor_grid(np.array([0, -1.0, 0]), np.array([1, 1.0, 1]), '-y')[..., 1] == 1).all()
