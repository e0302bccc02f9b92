"""Runs with two gloo processes."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from pyskl.engine.distributed import on_rank_zero
from pyskl.engine.model_wrapper import synchronized
from pyskl.engine.resume import average_buffers
from pyskl.engine.test import test as run_test

ROOT = Path(__file__).resolve().parents[2]


def member(rank, folder):
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    norm = nn.BatchNorm1d(3)
    norm.running_mean.fill_(float(rank))
    norm.running_var.fill_(2.0 + 2 * rank)
    norm.register_buffer('table', torch.full((2,), 5.0 + rank))
    average_buffers([norm])
    found = [norm.running_mean[0].item(), norm.running_var[0].item(), norm.table[0].item()]
    raised = []
    for function in (lambda: 7, lambda: int('x')):
        try:
            found.append(on_rank_zero(function))
        except ValueError as error:
            raised.append(str(error))
    Path(folder, f'{rank}.pkl').write_bytes(pickle.dumps((found, raised)))
    dist.destroy_process_group()


def test_average_buffers_and_on_rank_zero_work_with_two_processes(tmp_path):
    mp.start_processes(member, (str(tmp_path),), 2, start_method='fork')
    for rank in range(2):
        found, [error] = pickle.loads((tmp_path / f'{rank}.pkl').read_bytes())
        assert found == [0.5, 3.0, 5.0, 7]
        assert 'invalid literal' in error


def test_sync_bn_without_a_gpu_raises():
    with pytest.raises(ValueError, match='sync_bn=True needs GPUs'):
        synchronized(nn.BatchNorm1d(3), torch.device('cpu'))


TRAIN = """
import sys
import numpy as np
from pyskl.cli.entry import run
from pyskl.cli.train import main
from pyskl.evaluation.metrics import ClassificationMetric
compute = ClassificationMetric.compute_metrics
def saved(self, results):
    np.save('validation.npy', np.stack([result['score'] for result in results]))
    return compute(self, results)
ClassificationMetric.compute_metrics = saved
run(main)
"""


@pytest.mark.slow
def test_the_validation_of_two_processes_equals_a_test_of_the_checkpoint(tiny, monkeypatch):
    """The last validation's scores equal those of a test of the saved checkpoint."""
    monkeypatch.chdir(tiny.folder)
    (tiny.folder / 'tool.py').write_text(TRAIN)
    command = [sys.executable, str(ROOT / 'tools/launch.py'), '--processes', '2', 'tool.py', 'tiny.py', '--validate']
    options = [
        '--seed',
        '0',
        '--launcher',
        'pytorch',
        '--work-dir',
        'run',
        '--auto-scale-lr',
        '--cfg-options',
        'data.videos_per_gpu=1',
        'auto_scale_lr.base_batch_size=8',
    ]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ''  # no internal warning of torch
    from pyskl.engine.config.load import load_config

    cfg = load_config(tiny.config)
    cfg.work_dir = 'run'
    run_test(cfg, 'run/latest.pth', out='scores.pkl')
    scores = np.stack(pickle.loads(Path('scores.pkl').read_bytes()))
    assert np.abs(scores - np.load('validation.npy')).max() < 1e-6
    groups = torch.load('run/epoch_1.pth', weights_only=False)['optimizer']['param_groups']
    # two processes with one clip each; the learning rate is for eight clips
    assert groups[0]['initial_lr'] == 0.01 * 2 * 1 / 8
