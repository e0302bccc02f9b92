"""The estimator selected by a name; the estimators themselves are replaced by stubs."""

import numpy as np
import pytest

from pyskl.pose import choice
from pyskl.pose.choice import make_pose_model


class Stick:
    layout = 'stick'

    def people(self, frame):
        return np.zeros((0, 5, 2)), np.zeros((0, 5))


class Nothing:
    pass


@pytest.fixture(autouse=True)
def _estimators(monkeypatch):
    def factory(name, layout=None):
        def make(*arguments):
            return type(name, (), {'layout': layout or arguments[0], 'arguments': arguments})()

        return make

    monkeypatch.setattr(choice, 'RtmlibPose', factory('rtmlib', 'coco'))
    monkeypatch.setattr(choice, 'MediaPipeBody', factory('mediapipe'))
    monkeypatch.setattr(choice, 'MediaPipeHands', factory('hands', 'handmp'))


@pytest.mark.parametrize(
    ('name', 'options', 'expected'),
    [
        ('auto', {}, ('mediapipe', 'coco')),
        ('auto', {'layout': 'mediapipe'}, ('mediapipe', 'mediapipe')),
        ('auto', {'layout': 'handmp'}, ('hands', 'handmp')),
        ('auto', {'pose_file': 'a.onnx'}, ('rtmlib', 'coco')),
        ('mediapipe-hands', {}, ('hands', 'handmp')),
        (f'{__name__}:Stick', {'layout': 'stick'}, ('Stick', 'stick')),
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
        ('mediapipe', {'layout': 'handmp'}, "needs joints of 'handmp', .* detects 'coco'; use --pose mediapipe-hands"),
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
