"""The real rtmlib, with small networks whose arithmetic finds a spot of one colour."""

import cv2
import numpy as np
import pytest

pytest.importorskip('onnxruntime')
pytest.importorskip('rtmlib')

from pyskl.pose.estimators import RtmlibPose  # noqa: E402
from pyskl.skeletons import get_skeleton  # noqa: E402
from tests.pose.onnx_bytes import node, write_onnx  # noqa: E402
from tests.pose.rtmpose import WIDTH, rtmpose  # noqa: E402

SIZE = (240, 320)  # (height, width) of the frame
BLUE, RED = (80, 60), (230, 170)  # where the spots are, (x, y)


def frame():
    image = np.zeros((*SIZE, 3), np.uint8)
    for channel, spot in ((0, BLUE), (2, RED)):
        plane = np.zeros(SIZE, np.float32)
        plane[spot[1], spot[0]] = 1
        plane = cv2.GaussianBlur(plane, (0, 0), 12)
        image[..., channel] = plane / plane.max() * 255
    return image


def fixed(path, side='height', **outputs):
    """A network that answers the same for every image."""
    nodes = [node('Identity', [f'{name}_'], name) for name in outputs]
    return write_onnx(
        path, nodes, {'input': [1, 3, side, side]},
        {name: [1, 'persons', *array.shape[2:]] for name, array in outputs.items()},
        **{f'{name}_': array for name, array in outputs.items()},
    )  # fmt: skip


def box(x, y, score, ratio):
    """Around a spot, in pixels of the detector's input."""
    return [(x - 40) * ratio, (y - 50) * ratio, (x + 40) * ratio, (y + 50) * ratio, score]


@pytest.mark.parametrize('named', [True, False])
def test_joints_are_in_pixels_of_the_image(tmp_path, named, capsys):
    model = RtmlibPose(pose_file=rtmpose(tmp_path / 'pose.onnx', 17, named))
    keypoint, score = model.people(frame())
    assert keypoint.shape == (1, 17, 2) and score.shape == (1, 17) and (score > 0.2).all() and (score <= 1).all()
    # The image is the box: 1.25 x 320 pixels over 48, half a pixel each.
    step = 1.25 * 320 / WIDTH
    assert np.abs(keypoint[0, ::2] - BLUE).max() < step
    assert np.abs(keypoint[0, 1::2] - RED).max() < step
    assert capsys.readouterr().out == ''  # rtmlib says what it loads; events are on stdout


@pytest.mark.parametrize(('name', 'side', 'ratio'), [('yolox.onnx', 416, 1.3), ('rtmdet/end2end.onnx', 'height', 2.0)])
def test_each_detected_person_has_separate_joints(tmp_path, name, side, ratio):
    """The longer side of the frame is 320, that of the detector 416, or 640 if it takes any."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    boxes = [box(*BLUE, 0.9, ratio), box(*RED, 0.8, ratio), box(20, 20, 0.1, ratio)]
    detector = fixed(tmp_path / name, side, dets=np.array([boxes], np.float32))
    model = RtmlibPose(pose_file=rtmpose(tmp_path / 'pose.onnx', 17), detector_file=detector)
    assert type(model._detector).__name__ == ('RTMDet' if 'rtmdet' in name else 'YOLOX')
    keypoint, _ = model.people(frame())
    assert keypoint.shape == (2, 17, 2)
    assert np.abs(keypoint[0, ::2] - BLUE).max() < 3 and np.abs(keypoint[1, 1::2] - RED).max() < 3
    detector = fixed(tmp_path / name, side, dets=np.zeros((1, 0, 5), np.float32))
    model = RtmlibPose(pose_file=tmp_path / 'pose.onnx', detector_file=detector)
    assert model.people(frame())[0].shape == (0, 17, 2)


def test_rtmo_detects_persons_and_joints_in_one_pass(tmp_path):
    joints = np.full((1, 2, 17, 3), 0.5, np.float32)
    joints[0, :, :, :2] = [[[160, 120]], [[460, 340]]]  # twice the spots
    dets = np.array([[box(*BLUE, 0.9, 2), box(*RED, 0.8, 2)]], np.float32)
    model = RtmlibPose(pose_file=fixed(tmp_path / 'rtmo.onnx', 640, dets=dets, keypoints=joints))
    keypoint, score = model.people(frame())
    assert keypoint[:, 3].tolist() == [list(BLUE), list(RED)] and (score == 0.5).all()
    with pytest.raises(ValueError, match='rtmo.onnx is RTMO, which detects persons itself; omit the detector d.onnx'):
        RtmlibPose(pose_file=tmp_path / 'rtmo.onnx', detector_file='d.onnx')
    nobody = fixed(tmp_path / 'rtmo.onnx', 640, dets=dets[:, :0], keypoints=joints[:, :0])
    assert RtmlibPose(pose_file=nobody).people(frame())[1].shape == (0, 17)


@pytest.mark.parametrize(
    ('joints', 'layout'),
    [
        *((133, name) for name in (
            'coco', 'wholebody', 'wholebody:body', 'wholebody:feet', 'wholebody:hands', 'wholebody:face',
            'wholebody:left_hand', 'wholebody:body+feet+hands',
        )),
        (26, 'coco'), (26, 'wholebody:body+feet'), (26, 'openpose'), (21, 'handmp'),
    ],
)  # fmt: skip
def test_a_layout_takes_its_joints_from_those_of_the_network(tmp_path, joints, layout):
    model = RtmlibPose(pose_file=rtmpose(tmp_path / 'pose.onnx', joints), layout=layout)
    keypoint, score = model.people(frame())
    skeleton = get_skeleton(layout)
    assert (model.layout, keypoint.shape) == (layout, (1, skeleton.num_joints, 2)) and score.shape == keypoint.shape[:2]
    blue = np.abs(keypoint[0] - BLUE).max(-1) < 1.25 * 320 / WIDTH
    assert blue.tolist() == [index % 2 == 0 for index in model._order]


@pytest.mark.parametrize(
    ('make', 'layout', 'line'),
    [
        (
            rtmpose,
            'wholebody',
            r'pose.onnx: 17 joints \(COCO\) do not include the 133 joints .*; it fits action networks on coco$',
        ),
        (rtmpose, 'nturgb+d', r"pose.onnx: layout 'nturgb\+d' has 3D joints"),
    ],
)
def test_a_network_with_other_joints_raises_one_line(tmp_path, make, layout, line):
    with pytest.raises(ValueError, match=line):
        RtmlibPose(pose_file=make(tmp_path / 'pose.onnx', 17), layout=layout)


def test_a_pose_network_given_as_detector_raises(tmp_path):
    path = rtmpose(tmp_path / 'pose.onnx', 17)
    with pytest.raises(ValueError, match='pose.onnx has outputs simcc_x, simcc_y; it must be YOLOX or RTMDet'):
        RtmlibPose(pose_file=path, detector_file=path)
