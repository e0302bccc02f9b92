"""Configs of PYSKL before 2023: their deprecated arguments are accepted, and the lines say what they mean today."""

from pathlib import Path

import numpy as np
import pytest

from pyskl.datasets.pipelines.base import Compose
from pyskl.engine.config.load import load_config

CONFIG = """
test_pipeline = [dict(type='PreNormalize2D'@), dict(type='UniformSample', clip_len=8, num_clips=2, test_mode=True),
                 dict(type='PoseDecode')]
val_pipeline = [dict(type='UniformSampleFrames', clip_len=8, float_ok=True)]
data = dict(val=dict(type='PoseDataset', ann_file='a.pkl'), test=dict(type='PoseDataset', ann_file='a.pkl'))
"""


def load(tmp_path: Path, threshold: str = ''):
    (tmp_path / 'old.py').write_text(CONFIG.replace('@', threshold))
    return load_config(tmp_path / 'old.py')


def test_the_arguments_are_removed_and_each_kind_is_reported_once(tmp_path, capsys):
    cfg = load(tmp_path)
    assert cfg.data.test.pipeline[1] == {'type': 'UniformSample', 'clip_len': 8, 'num_clips': 2}
    assert cfg.data.val.pipeline[0] == {'type': 'UniformSampleFrames', 'clip_len': 8}
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith('warning: UniformSample: test_mode is deprecated and ignored')
    assert lines[1].startswith('warning: UniformSampleFrames: float_ok is deprecated and ignored')
    assert 'PreNormalize2D(threshold=None) gives the numbers of that time' in lines[2]


def test_a_named_threshold_needs_no_line(tmp_path, capsys):
    load(tmp_path, ', threshold=None')
    assert 'PreNormalize2D' not in capsys.readouterr().err


def test_other_processes_of_a_run_are_silent(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('RANK', '1')
    load(tmp_path)
    assert capsys.readouterr().err == ''


def test_a_pipeline_in_python_takes_them_with_a_warning_and_gives_the_same_frames():
    record = {'keypoint': np.zeros((1, 30, 17, 2)), 'total_frames': 30, 'test_mode': True}
    plain = Compose([{'type': 'UniformSample', 'clip_len': 8}])
    with pytest.warns(UserWarning, match='test_mode is deprecated and ignored'):
        old = Compose([{'type': 'UniformSample', 'clip_len': 8, 'test_mode': True}])
    assert old(dict(record))['frame_inds'].tolist() == plain(dict(record))['frame_inds'].tolist()
