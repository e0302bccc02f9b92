"""Two processes that are killed and restarted end with the weights of two uninterrupted ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pyskl.engine.checkpoints.files import read_checkpoint

ROOT = Path(__file__).resolve().parents[2]
# Kills both processes before step KILL, like a power failure.
TOOL = """
import os, signal
from pyskl.cli.entry import run
from pyskl.cli.train import main
from pyskl.engine.model_wrapper import ModelWrapper
step, done = ModelWrapper.train_step, []
def counted(self, *arguments, **named):
    if len(done) == int(os.environ.get('KILL', -1)):
        os.kill(os.getpid(), signal.SIGKILL)
    done.append(1)
    return step(self, *arguments, **named)
ModelWrapper.train_step = counted
run(main)
"""
OPTIONS = {
    'dropout': ['model.cls_head.dropout=0.5', 'data.workers_per_gpu=1'],
    'balanced': ['model.cls_head.dropout=0.5', 'data.train.dataset.class_prob=[1.0,2.5,1.0,1.0]'],
}


def run(tiny, name, options, kill=None):
    command = [sys.executable, str(ROOT / 'tools/launch.py'), '--processes', '2', 'tool.py', 'tiny.py', '--seed', '3',
               '--launcher', 'pytorch', '--validate', '--work-dir', name, '--cfg-options', 'total_epochs=3',
               'data.videos_per_gpu=2', *options]  # fmt: skip
    environment = {**os.environ, **({} if kill is None else {'KILL': str(kill)})}
    return subprocess.run(command, cwd=tiny.folder, env=environment, capture_output=True, text=True, timeout=900)


def tensors(path):
    checkpoint = read_checkpoint(path)
    momentum = {key: state['momentum_buffer'] for key, state in checkpoint['optimizer']['state'].items()}
    return {**checkpoint['state_dict'], **momentum}


@pytest.mark.slow
@pytest.mark.parametrize('name', OPTIONS)
def test_exact(tiny, name):
    (tiny.folder / 'tool.py').write_text(TOOL)
    done = run(tiny, 'whole', OPTIONS[name])
    assert done.returncode == 0, done.stderr
    assert run(tiny, 'parts', OPTIONS[name], kill=3).returncode != 0  # within epoch 2
    left = sorted(path.name for path in (tiny.folder / 'parts').glob('epoch_*.pth'))
    assert left == ['epoch_1.pth']
    done = run(tiny, 'parts', OPTIONS[name])
    assert done.returncode == 0 and '1 of 3 epochs done' in done.stdout, done.stderr
    whole, parts = (tensors(tiny.folder / folder / 'epoch_3.pth') for folder in ('whole', 'parts'))
    assert whole.keys() == parts.keys()
    assert [key for key in whole if not torch.equal(whole[key], parts[key])] == []
