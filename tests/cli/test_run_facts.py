"""Data of a work_dir that need no network."""

from types import SimpleNamespace

import numpy as np
import pytest

from pyskl.cli.run_facts import Clips, WorkDir, _config_in, _inner_shape, _recorded
from pyskl.skeletons import get_skeleton

CONFIG = """
model = dict(type='RecognizerGCN', backbone=dict(type='STGCN', graph_cfg=dict(layout='nw-ucla')),
             cls_head=dict(type='GCNHead', num_classes=3, in_channels=256))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'j.py').write_text(CONFIG)
    return tmp_path


def test_the_config_and_its_skeleton_are_found(folder):
    work_dir = WorkDir(folder)
    assert work_dir.cfg.work_dir == str(folder) and work_dir.skeleton.name == 'nw-ucla'
    assert work_dir.classes == ['class 0', 'class 1', 'class 2']


def test_the_best_checkpoint_comes_before_the_latest(folder):
    with pytest.raises(FileNotFoundError, match='has no checkpoint'):
        _ = WorkDir(folder).checkpoint
    for name in ('latest.pth', 'best_top1_acc_epoch_3.pth'):
        (folder / name).write_text('')
        assert WorkDir(folder).checkpoint == str(folder / name)
    assert WorkDir(folder, str(folder / 'latest.pth')).checkpoint == str(folder / 'latest.pth')


def test_a_folder_must_contain_exactly_one_config(folder):
    with pytest.raises(FileNotFoundError, match='nowhere does not exist'):
        _config_in(folder / 'nowhere')
    (folder / 'b.py').write_text(CONFIG)
    with pytest.raises(FileNotFoundError, match='must contain one config, but contains b.py, j.py'):
        _config_in(folder)
    (folder / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='contains no .py file'):
        _config_in(folder / 'empty')


def test_missing_keys_of_run_json_are_skipped():
    assert _recorded({}) == {}
    machine = {'system': 'Linux', 'cores': 2, 'gpus': []}
    assert _recorded({'seed': 0, 'versions': {'torch': '2.1'}, 'machine': machine}) == {
        'seed': '0', 'versions': 'torch 2.1', 'machine': 'Linux, 2 cores, no GPU',
    }  # fmt: skip


def test_an_earlier_grid_has_similar_proportions_else_one_row():
    assert _inner_shape(25, (6, 6)) == (5, 5)
    assert _inner_shape(17, (5, 5)) == (1, 17)


def test_joints_are_found_by_the_name_of_their_clip():
    records = [{'keypoint': np.ones((1, 2, 17, 2), np.float16), 'keypoint_score': np.ones((1, 2, 17))}, {}]
    clips = Clips(SimpleNamespace(names=['a', 'b'], record=lambda index: records[index]), get_skeleton('coco'))
    keypoint, score = clips.joints('a')
    assert keypoint.dtype == np.float32 and score.shape == (1, 2, 17)
    for name, line in (('c', "no clip 'c'"), ('b', 'its joints are in another file')):
        with pytest.raises(ValueError, match=line):
            clips.joints(name)
    clips.skeleton = get_skeleton('openpose')
    with pytest.raises(ValueError, match='openpose has 18 joints'):
        clips.joints('a')
