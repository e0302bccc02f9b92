import json

import numpy as np
import pytest
import torch

from pyskl.inference.network import Calibration, load_network, read_calibration
from pyskl.skeletons import get_skeleton


def windows(count, frames=20, persons=1):
    random = np.random.RandomState(0)
    return [
        {
            'keypoint': random.rand(persons, frames + n, 17, 2).astype(np.float32) * 900,
            'keypoint_score': np.ones((persons, frames + n, 17), np.float32),
            'img_shape': (1080, 1920),
        }
        for n in range(count)
    ]


def test_layout_persons_rate_window_and_classes_come_from_the_config(tiny):
    network, notes = load_network(str(tiny.config), None)
    assert (network.skeleton.name, network.num_person, network.fps) == ('coco', 2, 30)
    assert network.window == pytest.approx(8 / 30)
    assert network.classes == ['class 0', 'class 1', 'class 2', 'class 3'] and '--classes ntu60' in notes[0]
    tiny.write_config('total_epochs = 1', "total_epochs = 1\nfps = 10\nwindow = 2.5\nclasses = ['a', 'b', 'c', 'd']")
    network, notes = load_network(str(tiny.config), None)
    assert (network.fps, network.window, network.classes, notes) == (10, 2.5, ['a', 'b', 'c', 'd'], [])
    assert load_network(str(tiny.config), None, classes=['w', 'x', 'y', 'z'])[0].classes[0] == 'w'


def test_windows_of_different_lengths_form_one_batch_with_the_same_scores(tiny):
    network, _ = load_network(str(tiny.config), None)
    together, confidence = network.scores(windows(3))
    assert together.shape == (3, 4) and together.sum(1) == pytest.approx(1)
    assert confidence == pytest.approx(together.max(1))
    alone = np.concatenate([network.scores([window])[0] for window in windows(3)])
    assert together == pytest.approx(alone, abs=1e-6)


def test_temperature_flattens_scores_and_energy_replaces_the_confidence(tiny):
    plain, _ = load_network(str(tiny.config), None)
    warm, _ = load_network(str(tiny.config), None, calibration=Calibration(temperature=10))
    warm.model.load_state_dict(plain.model.state_dict())
    assert (warm.scores(windows(2))[0].max(1) < plain.scores(windows(2))[0].max(1)).all()
    energy, _ = load_network(str(tiny.config), None, calibration=Calibration(method='energy', threshold=-3.0))
    assert (energy.scores(windows(2))[1] >= np.log(4) - 5).all()


def test_an_invalid_fps_raises(tiny):
    tiny.write_config('total_epochs = 1', 'total_epochs = 1\nfps = 0')
    with pytest.raises(ValueError, match='config key fps must be a number above 0'):
        load_network(str(tiny.config), None)


def test_calibration_files_are_read_and_validated(tmp_path):
    path = tmp_path / 'c.json'
    path.write_text(json.dumps({'temperature': 1.5, 'method': 'energy', 'threshold': -2.0, 'ece': 0.1}))
    assert read_calibration(path) == Calibration(1.5, 'energy', -2.0)
    path.write_text(json.dumps({'temperature': -1, 'method': 'energy', 'threshold': 0}))
    with pytest.raises(ValueError, match='temperature must be above 0'):
        read_calibration(path)
    path.write_text('[]')
    with pytest.raises(ValueError, match='is not a calibration file of pyskl calibrate'):
        read_calibration(path)


GESTURES = """\
model = dict(
    type='RecognizerGCN',
    backbone=dict(
        type='STGCN', in_channels=2, num_stages=2, down_stages=[2], inflate_stages=[2], base_channels=8,
        graph_cfg=dict(layout='handmp', mode='spatial')),
    cls_head=dict(type='GCNHead', num_classes=40, in_channels=16))
test_pipeline = [
    dict(type='PreNormalize2D', threshold=0, mode='auto'), dict(type='GenSkeFeat', dataset='handmp', feats=['j']),
    dict(type='UniformSample', clip_len=10, num_clips=1), dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=1), dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint'])]
classes = 'hagrid'
"""


@pytest.mark.parametrize('parts', ['body', 'feet', 'face', 'left_hand', 'hands', 'body+feet+hands'])
def test_a_network_may_use_parts_of_the_whole_body(tmp_path, parts):
    layout = f'wholebody:{parts}'
    (tmp_path / 'parts.py').write_text(GESTURES.replace('handmp', layout).replace("'auto'", "'fix'"))
    network, _ = load_network(tmp_path / 'parts.py', None)
    joints = get_skeleton(layout).num_joints
    assert (network.skeleton.name, network.skeleton.num_joints) == (layout, joints)
    window = {'keypoint': np.ones((1, 20, joints, 2), np.float32), 'keypoint_score': np.ones((1, 20, joints))}
    probability, _ = network.scores([window])
    assert probability.sum() == pytest.approx(1)


def test_the_gesture_network_gets_coordinates_relative_to_the_image_without_scores(tmp_path):
    (tmp_path / 'gestures.py').write_text(GESTURES)
    network, _ = load_network(tmp_path / 'gestures.py', None)
    assert (network.scored, network.shares, network.num_person, len(network.classes)) == (False, True, 1, 40)
    seen = []
    network.pipeline.transforms.insert(0, lambda results: seen.append(results) or results)
    keypoint = np.full((1, 10, 21, 2), (320.0, 120.0), np.float32)
    window = {'keypoint': keypoint, 'keypoint_score': np.ones((1, 10, 21), np.float32), 'img_shape': (480, 640)}
    network.scores([window])
    assert 'keypoint_score' not in seen[0]
    assert window['keypoint'] is keypoint and (keypoint == (320, 120)).all()


def test_the_name_is_the_checkpoint_that_a_pattern_finds(tiny, tmp_path):
    network, _ = load_network(str(tiny.config), None)
    assert network.name == ''
    torch.save({'state_dict': network.model.state_dict(), 'meta': {}}, tmp_path / 'epoch_3.pth')
    assert load_network(str(tiny.config), tmp_path / 'epoch_*.pth')[0].name == str(tmp_path / 'epoch_3.pth')
