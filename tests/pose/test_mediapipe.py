"""The MediaPipe estimators with a stub for the package mediapipe, which need not be installed."""

import sys
from enum import IntEnum
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from pyskl.pose.choice import make_pose_model
from pyskl.pose.mediapipe import MediaPipeBody, MediaPipeHands
from pyskl.skeletons import get_skeleton

FRAME = np.zeros((100, 200, 3), np.uint8)
COCO = get_skeleton('coco').joints
# MediaPipe's landmarks include COCO's names, in another order.
Landmark = IntEnum('Landmark', [name.upper() for name in ('mouth_left', *reversed(COCO), 'left_heel')], start=0)


class Network:
    """Returns ``result``, in the form of MediaPipe's results."""

    result = None

    def __init__(self, **options) -> None:
        self.options = options

    def process(self, frame):
        assert frame.flags.c_contiguous
        return self.result


def points(count):
    return [SimpleNamespace(x=v / 100, y=v / 50, visibility=v / 100) for v in range(count)]


@pytest.fixture
def mediapipe(monkeypatch):
    body, hands = type('Pose', (Network,), {}), type('Hands', (Network,), {})
    body.result = SimpleNamespace(pose_landmarks=None)
    hands.result = SimpleNamespace(multi_hand_landmarks=None)
    solutions = ModuleType('mediapipe.python.solutions')
    solutions.pose, solutions.hands = SimpleNamespace(Pose=body, PoseLandmark=Landmark), SimpleNamespace(Hands=hands)
    python = ModuleType('mediapipe.python')
    python.solutions = solutions
    for name, module in {
        'mediapipe': ModuleType('mediapipe'),
        'mediapipe.python': python,
        'mediapipe.python.solutions': solutions,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    return SimpleNamespace(body=body, hands=hands)


def test_body_landmarks_become_coco_joints_by_name(mediapipe):
    mediapipe.body.result = SimpleNamespace(pose_landmarks=SimpleNamespace(landmark=points(len(Landmark))))
    keypoint, score = MediaPipeBody().people(FRAME)
    nose = Landmark['NOSE'].value
    assert keypoint.shape == (1, 17, 2) and score.shape == (1, 17)
    assert keypoint[0, COCO.index('nose')].tolist() == pytest.approx([nose / 100 * 200, nose / 50 * 100])
    assert keypoint[0, :, 0].tolist() == pytest.approx([2.0 * Landmark[name.upper()].value for name in COCO])
    assert score[0, 0] == pytest.approx(nose / 100)


def test_an_image_without_persons_gives_empty_arrays(mediapipe):
    keypoint, score = MediaPipeBody().people(FRAME)
    assert keypoint.shape == (0, 17, 2) and score.shape == (0, 17)
    assert MediaPipeHands().people(FRAME)[0].shape == (0, 21, 2)


def test_each_hand_is_a_person_of_21_joints(mediapipe):
    hand = SimpleNamespace(landmark=points(21))
    side = [SimpleNamespace(classification=[SimpleNamespace(score=score)]) for score in (0.9, 0.6)]
    mediapipe.hands.result = SimpleNamespace(multi_hand_landmarks=[hand, hand], multi_handedness=side)
    keypoint, score = MediaPipeHands().people(FRAME)
    assert keypoint.shape == (2, 21, 2)
    assert keypoint[1, 20].tolist() == pytest.approx([40, 40])
    assert score[:, 5].tolist() == pytest.approx([0.9, 0.6])


@pytest.mark.parametrize(
    ('name', 'layout', 'message'),
    [
        ('mediapipe', 'nturgb+d', "needs joints of 'nturgb[+]d', but the estimator mediapipe detects 'coco'"),
        ('mediapipe-hands', 'coco', 'use --pose mediapipe or rtmlib'),
        ('openpose', 'coco', "unknown pose estimator 'openpose'; choose from auto, mediapipe"),
        ('nowhere.at_all:Pose', 'coco', 'cannot import'),
        ('collections:OrderedDict', 'coco', 'must have a method people'),
    ],
)
def test_an_unknown_or_unsuitable_estimator_raises(mediapipe, name, layout, message):
    with pytest.raises(ValueError, match=message):
        make_pose_model(name, layout)


def test_auto_selects_hands_for_the_layout_handmp(mediapipe):
    assert isinstance(make_pose_model('auto', 'handmp'), MediaPipeHands)
    assert isinstance(make_pose_model('auto', 'coco'), MediaPipeBody)


def test_without_mediapipe_an_error_names_the_package_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mediapipe', None)
    monkeypatch.setitem(sys.modules, 'mediapipe.python', None)
    with pytest.raises(ValueError, match=r'run pip install mediapipe==0.10.14'):
        MediaPipeBody()
