"""PYSKL's hand gestures: empty frames dropped, x and y only, joined splits."""

import pickle

import numpy as np
import pytest

from pyskl.datasets.gesture_dataset import GestureDataset


@pytest.fixture
def hands(tmp_path, monkeypatch):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    records = []
    for i in range(4):
        keypoint = np.ones((1, 6, 21, 3), np.float32) * np.arange(6)[:, None, None]  # frame 0 is empty
        records.append({
            'frame_dir': f'c{i}', 'label': i, 'total_frames': 6, 'keypoint': keypoint, 'valid_frames': 2 + i,
            'hand_score': np.arange(6.0)[None],
        })  # fmt: skip
    path = tmp_path / 'hands.pkl'
    split = {'train': ['c0', 'c1'], 'val': ['c2'], 'test': ['c3']}
    path.write_bytes(pickle.dumps({'split': split, 'annotations': records}))
    return path


def test_empty_frames_and_the_third_channel_are_left_out(hands):
    record = GestureDataset(hands, split='test')[0]
    assert record['keypoint'].shape == (1, 5, 21, 2) and record['total_frames'] == 5
    assert record['keypoint'][0, :, 0, 0].tolist() == [1, 2, 3, 4, 5]
    assert record['hand_score'].tolist() == [[1, 2, 3, 4, 5]]
    assert GestureDataset(hands, split='test', squeeze=False, mode='3D')[0]['keypoint'].shape == (1, 6, 21, 3)


def test_splits_join_and_records_are_chosen(hands):
    assert GestureDataset(hands, split='train+val').names == ['c0', 'c1', 'c2']
    assert GestureDataset(hands, split='train', valid_frames_thr=3).names == ['c1']
    assert GestureDataset(hands, split='test', valid_frames_thr=9).names == ['c3']
    assert GestureDataset(hands, split='train+val', subset=[2]).names == ['c2']
    again = pickle.loads(pickle.dumps(GestureDataset(hands, split='train+val', subset=[2])))
    assert again.names == ['c2']


def test_empty_selections_and_an_unknown_mode_raise(hands):
    with pytest.raises(ValueError, match='no record of .* satisfies valid_frames_thr=9'):
        GestureDataset(hands, split='train', valid_frames_thr=9)
    with pytest.raises(ValueError, match="mode must be '2D' or '3D', got 'RGB'"):
        GestureDataset(hands, mode='RGB')


def test_a_network_is_checked_without_its_coordinates(hands):
    needs = {'num_classes': 4, 'dims': 2, 'layout': 'handmp'}
    assert GestureDataset(hands, split='train').check(num_joints=21, **needs) == []
    with pytest.raises(ValueError, match='21'):
        GestureDataset(hands, split='train').check(num_joints=17, **needs)
