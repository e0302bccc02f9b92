"""The RTMPose estimator with stubs for rtmlib and ONNX Runtime that record their arguments."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pyskl.pose.estimators import RtmlibPose, rtmlib_solution
from pyskl.skeletons import get_skeleton

FRAME = np.zeros((240, 320, 3), np.uint8)
POSE = ('simcc_x', 'simcc_y')


class Network:
    """A stub for a network of rtmlib; records the arguments of its constructor and calls."""

    onnx_model = 'network.onnx'
    result = None

    def __init__(self, path: str, **options) -> None:
        self.built, self.calls = (path, options), []
        self.session = SimpleNamespace(get_providers=lambda: ['CPUExecutionProvider'])

    def __call__(self, frame: np.ndarray, **options):
        self.calls.append(options)
        return self.result


def persons(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.ones((count, 17, 2)), np.full((count, 17), 1.25)


@pytest.fixture
def rtmlib(monkeypatch):
    """Stub modules: files are named ``net-OUTPUT+OUTPUT``, the input is 256 high and 192 wide."""

    class Session:
        def __init__(self, path, settings=None, providers=()):
            names = path.rsplit('-', 1)[1].split('+')
            self.threads = settings and settings.intra_op_num_threads
            self.get_outputs = lambda: [SimpleNamespace(name=name, shape=[1, 17, 3]) for name in names]
            self.get_inputs = lambda: [SimpleNamespace(shape=[1, 3, 256, 192], name='input')]

    kinds = {name: type(name, (Network,), {}) for name in ('RTMPose', 'RTMO', 'YOLOX')}
    runtime = SimpleNamespace(InferenceSession=Session, SessionOptions=SimpleNamespace)
    monkeypatch.setitem(sys.modules, 'rtmlib', SimpleNamespace(**kinds))
    monkeypatch.setitem(sys.modules, 'onnxruntime', runtime)
    return SimpleNamespace(**kinds)


def file(folder, *outputs: str):
    path = folder / f'net-{"+".join(outputs)}'
    path.touch()
    return path


def test_without_a_detector_the_whole_image_is_one_person(rtmlib, tmp_path):
    rtmlib.RTMPose.result = persons(1)
    model = RtmlibPose(pose_file=file(tmp_path, *POSE))
    keypoint, score = model.people(FRAME)
    assert (keypoint.shape, score.shape, score.max()) == ((1, 17, 2), (1, 17), 1)
    assert model._pose.calls == [{'bboxes': [[0, 0, 320, 240]]}]
    assert model._pose.built[1]['model_input_size'] == (192, 256)  # width first, as rtmlib has it


def test_persons_are_those_of_the_detector(rtmlib, tmp_path):
    rtmlib.YOLOX.result = []
    rtmlib.RTMPose.result = persons(2)
    model = RtmlibPose(pose_file=file(tmp_path, *POSE), detector_file=file(tmp_path, 'output'))
    assert model.people(FRAME)[0].shape == (0, 17, 2)
    rtmlib.YOLOX.result = [[0, 0, 9, 9], [5, 5, 20, 20]]
    assert model.people(FRAME)[0].shape == (2, 17, 2)
    assert model._pose.calls == [{'bboxes': rtmlib.YOLOX.result}]


def test_rtmo_is_used_without_a_detector_and_may_detect_no_person(rtmlib, tmp_path):
    rtmlib.RTMO.result = (np.zeros((1, 17, 2)), np.zeros((1, 17)))
    model = RtmlibPose(pose_file=file(tmp_path, 'dets', 'keypoints'))
    assert model.people(FRAME)[1].shape == (0, 17)
    assert model._pose.built[1]['model_input_size'] == (256, 192)  # height first


@pytest.mark.parametrize(
    ('options', 'error', 'message'),
    [
        ({'mode': 'fast'}, ValueError, "mode must be one of performance, balanced, lightweight, got 'fast'"),
        ({'detector_file': 'd.onnx'}, ValueError, 'detector_file requires pose_file'),
        ({'pose_file': 'nowhere.onnx'}, FileNotFoundError, 'nowhere.onnx does not exist'),
        ({}, OSError, 'could not download its networks.*--pose-model'),
        ({'device': 'gpu'}, ValueError, "device of rtmlib must be cpu, cuda, cuda:1, rocm or mps, got 'gpu'"),
        ({'layout': 'nw-ucla'}, ValueError, "no network of rtmlib has the joints of layout 'nw-ucla'"),
    ],
)
def test_invalid_options_raise_one_line(rtmlib, options, error, message):
    with pytest.raises(error, match=message):
        RtmlibPose(**options)


@pytest.mark.parametrize(
    ('layout', 'solution', 'mode', 'joints'),
    [
        ('coco', 'Body', 'performance', 17),
        ('wholebody:body', 'Body', 'performance', 17),
        ('handmp', 'Hand', 'lightweight', 21),
        ('openpose', 'BodyWithFeet', 'performance', 26),
        ('wholebody:body+feet', 'BodyWithFeet', 'performance', 26),
        ('wholebody:hands', 'Wholebody', 'performance', 133),
    ],
)
def test_the_layout_selects_the_downloaded_networks(rtmlib, monkeypatch, layout, solution, mode, joints):
    made, found = [], (np.ones((1, joints, 2)), np.ones((1, joints)))

    def make(**options):
        made.append(options)
        return SimpleNamespace(pose_model=lambda frame, bboxes: found, det_model=lambda frame: [[0, 0, 9, 9]])

    monkeypatch.setattr(sys.modules['rtmlib'], solution, make, raising=False)
    model = RtmlibPose('performance', layout=layout)
    assert made == [{'mode': mode, 'backend': 'onnxruntime', 'device': 'cpu'}]
    assert model.people(FRAME)[0].shape == (1, get_skeleton(layout).num_joints, 2)


def test_a_custom_skeleton_takes_joints_by_name():
    names = ['right_wrist', 'nose', 'left_wrist']
    arms = get_skeleton({'name': 'arms', 'joints': names, 'edges': [[0, 1], [2, 1]]})
    assert rtmlib_solution(arms) == ('Body', [10, 0, 9])


def test_a_network_with_unknown_outputs_raises(rtmlib, tmp_path):
    with pytest.raises(ValueError, match='has outputs logits; it must be RTMPose'):
        RtmlibPose(pose_file=file(tmp_path, 'logits'))


def test_without_rtmlib_an_error_names_the_packages_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(ValueError, match=r'run pip install rtmlib onnxruntime'):
        RtmlibPose()


def test_sessions_use_the_omp_num_threads_of_the_process(rtmlib, tmp_path):
    path = file(tmp_path, *POSE)
    rtmlib.RTMPose.onnx_model = str(path)
    assert RtmlibPose(pose_file=path, threads=3)._pose.session.threads == 3
