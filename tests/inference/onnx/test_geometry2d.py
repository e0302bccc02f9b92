"""Crops and sizes of the image by a graph, seen in the heatmaps that follow."""

import numpy as np
import pytest

pytest.importorskip('onnx', exc_type=ImportError)
pytest.importorskip('onnxruntime', exc_type=ImportError)

from pyskl.datasets.pipelines.base import Compose  # noqa: E402
from pyskl.inference.onnx.clip import Clip  # noqa: E402
from pyskl.inference.onnx.geometry2d import center_crop, pose_compact, resize  # noqa: E402
from pyskl.inference.onnx.graph import DOUBLE, FLOAT, INT, Graph  # noqa: E402
from tests.inference.onnx.graphs import session  # noqa: E402

WRITERS = {'PoseCompact': pose_compact, 'Resize': resize, 'CenterCrop': center_crop}
FEW = np.array([[[[100, 50], [300, 450], [0, 0], [0, 70]]]], np.float32)  # joints at 0 are missing


def compared(step, keypoint=FEW, size=(480, 640)):
    """Joints and (height, width) of a transform; fails if a graph gives others."""
    pipeline = Compose([step])
    expected = pipeline({'keypoint': keypoint.copy(), 'img_shape': size})
    graph = Graph()
    clip = Clip('keypoint', 'img_shape', keypoint.shape[2], 2, False)
    WRITERS[step['type']](graph, clip, pipeline.transforms[0])
    inputs = {'keypoint': (FLOAT, ('M', 'T', 'V', 2)), 'img_shape': (INT, (2,))}
    given = {'keypoint': keypoint, 'img_shape': np.array(size)}
    joints = session(graph, inputs, clip.keypoint, DOUBLE if clip.wide else FLOAT, 4)(**given)
    shape = clip.img_shape
    shape = shape if isinstance(shape, np.ndarray) else session(graph, inputs, shape, INT)(**given)
    assert tuple(shape) == expected['img_shape']
    assert joints.dtype == expected['keypoint'].dtype and (joints == expected['keypoint']).all()
    return joints, tuple(shape)


def test_pose_compact_crops_to_the_box_of_the_joints():
    joints, size = compared({'type': 'PoseCompact', 'padding': 0.0})
    assert size == (400, 200) and joints[0, 0].tolist() == [[0, 0], [200, 400], [0, 0], [0, 20]]
    assert compared({'type': 'PoseCompact', 'padding': 0.0, 'hw_ratio': 1.0})[1] == (400, 400)
    compared({'type': 'PoseCompact', 'padding': 1.0, 'hw_ratio': (0.5, 0.8)})
    assert compared({'type': 'PoseCompact', 'padding': 1.0, 'allow_imgpad': False})[1] == (480, 400)


@pytest.mark.parametrize('keypoint', [FEW * 0, FEW / 100], ids=['none', 'small'])
def test_without_a_box_the_image_is_not_cropped(keypoint):
    joints, size = compared({'type': 'PoseCompact'}, keypoint)
    assert size == (480, 640) and (joints == keypoint).all()


@pytest.mark.parametrize(
    ('scale', 'keep_ratio', 'size'),
    [((64, 64), False, (64, 64)), ((-1, 64), True, (64, 85)), ((100, 64), True, (64, 85)), (0.5, True, (240, 320))],
)
def test_resize_scales_to_the_given_size(scale, keep_ratio, size):
    assert compared({'type': 'Resize', 'scale': scale, 'keep_ratio': keep_ratio})[1] == size


def test_center_crop_shifts_joints():
    joints, size = compared({'type': 'CenterCrop', 'crop_size': (200, 101)})
    assert size == (101, 200) and joints[0, 0, 0].tolist() == [100 - 220, 50 - 189]
