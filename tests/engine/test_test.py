"""What a test writes beside class scores."""

import pickle

import numpy as np
import torch

from pyskl.engine.checkpoints.files import save_checkpoint
from pyskl.engine.config.load import load_config
from pyskl.engine.test import test as run_test
from pyskl.models import build_model


def test_features_are_written_a_clip_and_have_no_metrics(tiny, capsys):
    options = {'model.test_cfg': {'feat_ext': True, 'pool_opt': 'ntv'}}
    cfg = load_config(str(tiny.config), options)
    cfg.work_dir = str(tiny.work_dir)
    torch.manual_seed(0)
    path = tiny.folder / 'net.pth'
    save_checkpoint({'state_dict': build_model(cfg.model.to_dict()).state_dict(), 'meta': {}}, path)
    out = tiny.folder / 'features.pkl'
    assert run_test(cfg, str(path), out=str(out)) == {}
    assert 'no metrics: the clips have no labels, or test_cfg asks for features' in capsys.readouterr().out
    rows = pickle.loads(out.read_bytes())
    assert len(rows) == 4  # clips of validation
    assert {row.shape for row in rows} == {(1, 2, 8, 1, 1, 1)}  # clips, persons, channels, frames, the grid's two axes
    assert np.stack(rows).std() > 0
