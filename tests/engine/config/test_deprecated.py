"""Deprecated arguments in configs of PYSKL before 2023 are accepted and reported."""

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
    assert 'PreNormalize2D(threshold=None) reproduces the numbers of that time' in lines[2]


def test_an_explicit_threshold_is_not_reported(tmp_path, capsys):
    load(tmp_path, ', threshold=None')
    assert 'PreNormalize2D' not in capsys.readouterr().err


def test_only_the_first_process_prints_warnings(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('RANK', '1')
    load(tmp_path)
    assert capsys.readouterr().err == ''


def test_a_transform_built_in_python_accepts_deprecated_arguments_with_a_warning():
    record = {'keypoint': np.zeros((1, 30, 17, 2)), 'total_frames': 30, 'test_mode': True}
    plain = Compose([{'type': 'UniformSample', 'clip_len': 8}])
    with pytest.warns(UserWarning, match='test_mode is deprecated and ignored'):
        old = Compose([{'type': 'UniformSample', 'clip_len': 8, 'test_mode': True}])
    assert old(dict(record))['frame_inds'].tolist() == plain(dict(record))['frame_inds'].tolist()
