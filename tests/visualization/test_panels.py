import numpy as np
import pytest

from pyskl.skeletons import SKELETONS, get_skeleton
from pyskl.visualization.colors import NEITHER, PANEL, PERSONS
from pyskl.visualization.panels import HeatmapPanel, JointsPanel, as_vectors

DOT = get_skeleton({'joints': ['a'], 'edges': []})
DOT3 = get_skeleton({'joints': ['a'], 'edges': [], 'dims': 3})
COLOR = list(PERSONS[0][NEITHER])


def full_score(keypoint):
    return np.ones(keypoint.shape[:3], np.float32)


def test_with_a_frame_size_joints_are_at_their_pixels():
    keypoint = np.array([[[(320.0, 120.0)], [(0, 0)]]])  # two frames
    panel = JointsPanel(keypoint, full_score(keypoint), DOT, 240, frame=(640, 480))
    assert panel.size == (320, 240)
    assert panel.draw(0)[60, 160].tolist() == COLOR
    assert panel.draw(1)[0, 0].tolist() == COLOR
    assert panel.draw(1)[60, 160].tolist() == list(PANEL)


def test_the_view_is_fixed_for_the_whole_clip():
    keypoint = np.array([[[(0.0, 0.0)], [(1.0, 0)], [(2.0, 0)]]])
    panel = JointsPanel(keypoint, full_score(keypoint), DOT, 101)
    columns = [np.argwhere((panel.draw(t) == COLOR).all(-1))[:, 1].mean() for t in range(3)]
    assert np.isclose(columns[1] - columns[0], columns[2] - columns[1], atol=0.6)
    assert columns[0] < 30 and columns[2] > panel.size[0] - 30


def test_3d_panels_show_up_upwards_and_positive_x_to_the_left():
    keypoint = np.array([[[(0.0, 0, 2)], [(0, 1, 2)], [(1, 0, 2)]]])
    panel = JointsPanel(keypoint, full_score(keypoint), DOT3, 100, up='y')
    rows, columns = np.array([np.argwhere((panel.draw(t) == COLOR).all(-1)).mean(0) for t in range(3)]).T
    assert rows[1] < rows[0] - 50 and np.isclose(rows[2], rows[0], atol=1)
    assert columns[2] < columns[0] - 50 and np.isclose(columns[1], columns[0], atol=1)


def test_a_clip_without_persons_is_an_empty_panel():
    for dims, skeleton in ((2, DOT), (3, DOT3)):
        keypoint = np.zeros((1, 2, 1, dims))
        image = JointsPanel(keypoint, np.zeros((1, 2, 1)), skeleton, 64).draw(1)
        assert (image == PANEL).all()


def test_limbs_are_thin_if_the_person_is_small():
    keypoint = np.random.RandomState(0).rand(1, 3, 17, 2) * 100
    coco = SKELETONS['coco']
    assert JointsPanel(keypoint, full_score(keypoint), coco, 480, frame=(1920, 1080)).thickness == 1
    assert JointsPanel(keypoint, full_score(keypoint), coco, 480).thickness >= 4


@pytest.mark.parametrize(('size', 'width'), [((56, 56), 112), ((28, 56), 224)])
def test_a_pixel_of_a_heatmap_is_drawn_as_a_square(size, width):
    heatmaps = np.zeros((1, 2, *size), np.float32)
    heatmaps[0, 1, 0, 0] = 1
    panel = HeatmapPanel(heatmaps, np.array([(255, 0, 0)], np.uint8), 112)
    assert panel.size == (width, 112)
    side = 112 // size[0]
    red = (panel.draw(1) == (255, 0, 0)).all(-1)
    assert red[:side, :side].all() and red.sum() == side**2
    assert (panel.draw(0) == PANEL).all()


def test_vectors_are_drawn_as_lines_from_the_origin():
    keypoint = np.ones((1, 1, 17, 2))
    points, visible, star = as_vectors(keypoint, full_score(keypoint), SKELETONS['coco'])
    assert points.shape == (1, 1, 18, 2) and points[0, 0, -1].tolist() == [0, 0]
    assert visible.shape == (1, 1, 18)
    assert star.limbs == tuple((v, 17) for v in range(17))
    assert (star.left, star.right) == (SKELETONS['coco'].left, SKELETONS['coco'].right)
