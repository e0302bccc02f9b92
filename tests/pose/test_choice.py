"""The estimator selected by a name; the estimators themselves are replaced by stubs."""

import numpy as np
import pytest

from pyskl.pose import choice
from pyskl.pose.choice import make_pose_model
from pyskl.skeletons import get_skeleton

STICK = get_skeleton({'name': 'stick', 'joints': ['a', 'b'], 'edges': [[0, 1]]})
ARMS = get_skeleton({'name': 'arms', 'joints': ['nose', 'left_wrist', 'right_wrist'], 'edges': [[1, 0], [2, 0]]})


class Stick:
    layout = 'stick'

    def people(self, frame):
        return np.zeros((0, 5, 2)), np.zeros((0, 5))


class Nothing:
    pass


@pytest.fixture(autouse=True)
def _estimators(monkeypatch):
    def factory(name, usual=None):
        def make(*arguments, layout=None):
            layout = usual or get_skeleton(layout or arguments[0]).name
            return type(name, (), {'layout': layout, 'arguments': arguments})()

        return make

    monkeypatch.setattr(choice, 'RtmlibPose', factory('rtmlib'))
    monkeypatch.setattr(choice, 'MediaPipeBody', factory('mediapipe'))
    monkeypatch.setattr(choice, 'MediaPipeHands', factory('hands', 'handmp'))


@pytest.mark.parametrize(
    ('name', 'options', 'expected'),
    [
        ('auto', {}, ('mediapipe', 'coco')),
        ('auto', {'layout': 'mediapipe'}, ('mediapipe', 'mediapipe')),
        ('auto', {'layout': 'handmp'}, ('hands', 'handmp')),
        ('auto', {'pose_file': 'a.onnx'}, ('rtmlib', 'coco')),
        ('auto', {'pose_file': 'a.onnx', 'layout': 'handmp'}, ('rtmlib', 'handmp')),
        ('auto', {'layout': 'wholebody:body+hands'}, ('rtmlib', 'wholebody:body+hands')),
        ('auto', {'layout': 'wholebody:body'}, ('mediapipe', 'wholebody:body')),
        ('auto', {'layout': ARMS}, ('mediapipe', 'arms')),
        ('rtmlib', {'layout': ARMS}, ('rtmlib', 'arms')),
        ('mediapipe-hands', {}, ('hands', 'handmp')),
        (f'{__name__}:Stick', {'layout': STICK}, ('Stick', 'stick')),
    ],
)
def test_the_name_layout_and_files_select_the_estimator(name, options, expected):
    model = make_pose_model(name, **options)
    assert (type(model).__name__, model.layout) == expected


def test_files_mode_and_device_are_passed_to_rtmlib():
    assert make_pose_model('rtmlib', None, 'a.onnx', 'b.onnx', 'cuda:0', 'light').arguments == (
        'light', 'a.onnx', 'b.onnx', 'cuda:0',
    )  # fmt: skip


@pytest.mark.parametrize(
    ('name', 'options', 'line'),
    [
        ('openpose', {}, "unknown pose estimator 'openpose'; choose from auto, .* or package.module:Class"),
        ('mediapipe', {'pose_file': 'a.onnx'}, '--pose-model is a file for rtmlib'),
        ('auto', {'detector_file': 'a.onnx'}, '--detector is a file for rtmlib, but the estimator is mediapipe'),
        ('mediapipe', {'layout': 'handmp'}, "'handmp', .* detects 'coco' or .*; use --pose mediapipe-hands or rtmlib"),
        ('mediapipe', {'layout': 'wholebody:face'}, "needs joints of 'wholebody:face', .*; use --pose rtmlib"),
        ('rtmlib', {'layout': 'mediapipe'}, "detects 'coco', .*'wholebody' and its parts; use --pose mediapipe"),
        (f'{__name__}:Stick', {'layout': 'coco'}, "detects 'stick'; use --pose mediapipe or rtmlib"),
        ('rtmlib', {'layout': 'nturgb+d'}, 'no built-in estimator detects these'),
        ('no_such_module:A', {}, "cannot import the pose estimator 'no_such_module:A': No module named"),
        (f'{__name__}:Missing', {}, 'cannot import the pose estimator .*Missing'),
        (f'{__name__}:Nothing', {}, r'must have a method people\(frame\) and an attribute layout'),
    ],
)
def test_an_unknown_or_unsuitable_estimator_raises_one_line(name, options, line):
    with pytest.raises(ValueError, match=line) as error:
        make_pose_model(name, **options)
    assert '\n' not in str(error.value)
