"""Normalisations as graphs, checked by hand; test_pipeline.py compares them with their transforms."""

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

from pyskl.datasets.pipelines.alignment import AlignPersons  # noqa: E402
from pyskl.datasets.pipelines.normalize import PreNormalize2D, PreNormalize3D  # noqa: E402
from pyskl.inference.onnx import normalize  # noqa: E402
from pyskl.inference.onnx.clip import Clip  # noqa: E402
from pyskl.inference.onnx.graph import BOOL, DOUBLE, FLOAT, INT, Graph  # noqa: E402
from pyskl.skeletons import get_skeleton  # noqa: E402
from tests.inference.onnx.graphs import session  # noqa: E402

HEIGHT, WIDTH = 100, 200
CHAIN = {'joints': ['hip', 'knee'], 'bones': [('knee', 'hip')], 'dims': 3}


def normalized(step, transform, keypoint, has_score=False):
    """Run ``step`` on ``(M, T, V, C)``; the image has 100 x 200 pixels."""
    keypoint = np.array(keypoint, np.float32)
    graph = Graph()
    clip = Clip('x', 'size', keypoint.shape[2], keypoint.shape[3], has_score)
    step(graph, clip, transform)
    inputs = {'x': (FLOAT, ('M', 'T', *keypoint.shape[2:])), 'size': (INT, (2,))}
    return session(graph, inputs, clip.keypoint, axes=4)(x=keypoint, size=np.array((HEIGHT, WIDTH)))


def test_the_corners_of_the_image_become_minus_1_and_1():
    corners = [[[[0, 0, 1], [200, 100, 1], [200, 100, 0]]]]  # the last one was not seen
    found = normalized(normalize.prenormalize_2d, PreNormalize2D(), corners, has_score=True)
    assert found.tolist() == [[[[-1, -1, 1], [1, 1, 1], [0, 0, 0]]]]


def test_the_box_of_the_joints_becomes_minus_1_to_1():
    found = normalized(normalize.prenormalize_2d, PreNormalize2D(mode='auto'), [[[[10, 20], [30, 60], [20, 40]]]])
    assert found.tolist() == [[[[-1, -1], [1, 1], [0, 0]]]]


def test_shares_of_the_image_are_minus_half_to_half_and_0_without_a_score():
    found = normalized(normalize.image_share, None, [[[[0, 0, 1], [200, 100, 1], [150, 20, 0]]]], has_score=True)
    assert found.tolist() == [[[[-0.5, -0.5, 1], [0.5, 0.5, 1], [0, 0, 0]]]]


def test_the_body_moves_to_the_origin_and_missing_joints_remain_0():
    transform = PreNormalize3D(dataset=CHAIN, align_spine=False)
    late = [[[0, 0, 0], [0, 0, 0]], [[1, 2, 3], [1, 2, 5]], [[2, 2, 3], [0, 0, 0]]]
    found = normalized(normalize.prenormalize_3d, transform, [late])
    assert found.tolist() == [[[[0, 0, 0], [0, 0, 2]], [[1, 0, 0], [0, 0, 0]]]]  # the first frame was empty


def test_the_person_with_more_frames_is_first():
    short, long = [[[0, 0, 0]], [[5, 5, 5]]], [[[1, 1, 1]], [[2, 1, 1]]]
    transform = PreNormalize3D(dataset={'joints': ['hip'], 'bones': [], 'dims': 3}, align_spine=False)
    found = normalized(normalize.prenormalize_3d, transform, [short, long])
    assert found[:, :, 0].tolist() == [[[0, 0, 0], [1, 0, 0]], [[0, 0, 0], [4, 4, 4]]]


@pytest.mark.parametrize(
    'vector, onto, expected',
    [
        ((0, 3, 0), 0, [1, 0, 0]),
        ((3, 0, 4), 2, [0, 0, 1]),
        ((0, 0, -2), 2, [0, 0, -1]),  # parallel to the axis: the identity
        ((0, 0, 0), 1, [0, 0, 0]),
    ],
)
def test_a_turn_maps_the_direction_of_a_vector_to_an_axis(vector, onto, expected):
    graph = Graph()
    run = session(graph, {'v': (DOUBLE, (3,))}, normalize.turn(graph, 'v', onto), DOUBLE, axes=2)
    rotation, vector = run(v=np.array(vector, float)), np.array(vector, float)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-12)
    assert rotation @ vector == pytest.approx(np.array(expected) * np.linalg.norm(vector), abs=1e-12)


def test_an_upright_person_facing_the_axis_is_not_rotated():
    skeleton = get_skeleton('nturgb+d')
    transform = AlignPersons(dataset='nturgb+d')
    (_, top), (left, right) = skeleton.spine, transform._hips
    body = np.zeros((1, 2, skeleton.num_joints, 3))
    body[..., top, 2], body[..., left, 0], body[..., right, 0] = 0.5, 0.2, -0.2
    assert normalized(normalize.align_persons, transform, body) == pytest.approx(body, abs=1e-6)
    lying = body[..., [2, 0, 1]]  # the spine along y, the hips along x: the axes exchanged in a circle
    assert normalized(normalize.align_persons, transform, lying) == pytest.approx(body, abs=1e-6)


def test_each_coordinate_fills_minus_1_to_1_and_a_constant_one_is_0():
    found = normalized(normalize.fill_box, None, [[[[1, 5, 7]], [[2, 5, 9]], [[3, 5, 8]], [[0, 0, 0]]]])
    assert found[0, :, 0].tolist() == [[-1, 0, -1], [0, 0, 1], [1, 0, 0], [0, 0, 0]]


def test_a_frame_is_filled_if_a_coordinate_is_not_0():
    graph = Graph()
    run = session(graph, {'x': (FLOAT, (1, 3, 1, 3))}, normalize.filled_frames(graph, 'x'), BOOL, axes=2)
    assert run(x=np.array([[[[0, 0, 0]], [[0, -1, 0]], [[2, 0, 0]]]], np.float32)).tolist() == [[False, True, True]]
