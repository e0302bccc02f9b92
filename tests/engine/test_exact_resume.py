"""An interrupted and resumed run ends with exactly the weights of an uninterrupted run."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from pyskl.engine.checkpoints.files import read_checkpoint
from pyskl.engine.config.load import load_config
from pyskl.engine.model_wrapper import ModelWrapper
from pyskl.engine.train import train
from pyskl.errors import TerminatedError

OPTIONS = {
    'dropout': {'model.backbone.dropout': 0.5, 'model.cls_head.dropout': 0.5},
    'workers': {'model.cls_head.dropout': 0.5, 'data.workers_per_gpu': 1},
    'ema': {'custom_hooks': [{'type': 'EMAHook', 'momentum': 0.1}]},
    'accumulation': {'optimizer_config': {'grad_clip': {'max_norm': 1.0}, 'cumulative_iters': 3}},
    'adamw': {'optimizer': {'type': 'AdamW', 'lr': 0.01}},
    'step': {'lr_config': {'policy': 'step', 'step': [2, 3]}},
    'poly': {'lr_config': {'policy': 'poly', 'power': 0.9, 'min_lr': 1e-4, 'by_epoch': False}},
    'fixed': {'lr_config': {'policy': 'fixed'}},
    'by_epoch': {'lr_config': {'policy': 'CosineAnnealing', 'min_lr': 0, 'by_epoch': True}},
    'linear': {'lr_config': {'policy': 'step', 'step': [2], 'warmup': 'linear', 'warmup_iters': 5}},
    'constant': {'lr_config': {'policy': 'step', 'step': [2], 'warmup': 'constant', 'warmup_iters': 5}},
    'exp': {'lr_config': {'policy': 'CosineAnnealing', 'min_lr': 0, 'warmup': 'exp', 'warmup_iters': 5}},
    'stairs': {'lr_config': {'policy': 'step', 'step': [3], 'warmup': 'stairs', 'warmup_iters': 2}},
    'balanced': {'data.train.dataset.class_prob': [1.0, 2.0, 1.0, 1.0]},
    'bf16': {'amp': 'bf16'},
    'intervals': {'evaluation.interval': 2, 'checkpoint_config': {'interval': 2, 'max_keep_ckpts': 1}},
    'early_stopping': {'custom_hooks': [{'type': 'EarlyStoppingHook', 'monitor': 'top1_acc', 'patience': 3}]},
}  # fmt: skip
QUICK = ('dropout', 'ema', 'accumulation', 'intervals')


class Killed(BaseException):
    """Simulates SIGKILL; must not be caught by the package."""


def run(tiny, name, options, stop_after=None, monkeypatch=None):
    """Train 4 epochs of 2 iterations in ``name``; abort after ``stop_after`` iterations."""
    options = dict(options)
    replaced = {k: options.pop(k) for k in ('optimizer', 'lr_config') if k in options}
    cfg = load_config(tiny.config, {'total_epochs': 4, **options})
    for key, value in replaced.items():
        cfg[key] = value
    cfg.work_dir = str(tiny.folder / name)
    if stop_after is None:
        return train(cfg, seed=3)

    step, done = ModelWrapper.train_step, []

    def counted(self, *arguments, **named):
        if len(done) == stop_after:
            raise Killed
        done.append(1)
        return step(self, *arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(ModelWrapper, 'train_step', counted)
        train(cfg, seed=3)
    return None


def content(folder):
    checkpoint = read_checkpoint(Path(folder) / 'epoch_4.pth')
    tensors = dict(checkpoint['state_dict'])
    tensors |= {f'ema.{k}': v for k, v in checkpoint.get('ema_state_dict', {}).items()}
    for index, state in checkpoint['optimizer']['state'].items():
        tensors |= {f'{index}.{k}': v for k, v in state.items() if isinstance(v, torch.Tensor)}
    return tensors


def check(tiny, options, monkeypatch, stop_after=5):
    run(tiny, 'whole', options)
    run(tiny, 'parts', options, stop_after, monkeypatch)
    np.random.seed(1), torch.manual_seed(1)  # a new process begins with other numbers
    result = run(tiny, 'parts', options)
    assert result.epoch > 0
    whole, parts = content(tiny.folder / 'whole'), content(tiny.folder / 'parts')
    assert whole.keys() == parts.keys()
    different = [key for key in whole if not torch.equal(whole[key], parts[key])]
    assert different == []
    names = [sorted(p.name for p in (tiny.folder / name).glob('*.pth')) for name in ('whole', 'parts')]
    assert names[0] == names[1]


@pytest.mark.parametrize('name', QUICK)
def test_resume_is_exact(tiny, name, monkeypatch):
    check(tiny, OPTIONS[name], monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted(set(OPTIONS) - set(QUICK)))
def test_resume_is_exact_with_every_other_option(tiny, name, monkeypatch):
    check(tiny, OPTIONS[name], monkeypatch)


@pytest.mark.parametrize('stop_after', [3, 4])  # within epoch 2, and at its end
def test_resume_after_sigterm_is_exact(tiny, stop_after, monkeypatch):
    options = {'model.cls_head.dropout': 0.5, 'optimizer_config': {'cumulative_iters': 3}}
    run(tiny, 'whole', options)
    step, done = ModelWrapper.train_step, []

    def terminated(self, *arguments, **named):
        done.append(1)
        if len(done) == stop_after:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, *arguments, **named)

    with (
        monkeypatch.context() as patch,
        pytest.raises(TerminatedError, match=f'after {stop_after} iterations; .*the same command resumes'),
    ):
        patch.setattr(ModelWrapper, 'train_step', terminated)
        run(tiny, 'parts', options)
    assert (tiny.folder / 'parts/latest.pth').resolve().name == 'interrupted.pth'
    run(tiny, 'parts', options)
    whole, parts = content(tiny.folder / 'whole'), content(tiny.folder / 'parts')
    assert [key for key in whole if not torch.equal(whole[key], parts[key])] == []
    assert not (tiny.folder / 'parts/interrupted.pth').exists()


def test_a_resumed_run_with_more_epochs_follows_the_new_schedule(tiny):
    """The rate in epoch e equals that of a run of 4 epochs, not the end of the schedule of 2 epochs."""
    run(tiny, 'short', {'total_epochs': 2})
    rates = {}
    for name in ('long', 'whole'):
        cfg = load_config(tiny.config, {'total_epochs': 4, 'checkpoint_config': {'interval': 1}})
        cfg.work_dir = str(tiny.folder / name)
        train(cfg, seed=3, resume=str(tiny.folder / 'short/latest.pth') if name == 'long' else None)
        groups = torch.load(f'{cfg.work_dir}/epoch_3.pth', weights_only=False)['optimizer']['param_groups']
        rates[name] = groups[0]['lr']
    assert rates['long'] == rates['whole'] == pytest.approx(0.01 * (1 + np.cos(np.pi * 6 / 8)) / 2)


def test_a_run_resumed_from_another_folder_copies_the_best_checkpoint_and_leaves_that_folder(tiny):
    run(tiny, 'first', {'total_epochs': 2})
    before = {p.name: p.read_bytes() for p in (tiny.folder / 'first').iterdir()}
    cfg = load_config(tiny.config, {'total_epochs': 4})
    cfg.work_dir = str(tiny.folder / 'second')
    result = train(cfg, seed=3, resume=str(tiny.folder / 'first/latest.pth'))
    assert Path(result.best_checkpoint).parent == tiny.folder / 'second'
    assert result.best['value'] >= 0
    assert {p.name: p.read_bytes() for p in (tiny.folder / 'first').iterdir()} == before


def test_a_resumed_run_removes_only_its_own_checkpoints(tiny):
    """``best_ckpt`` and ``keep_ckpt_ids`` of a checkpoint name files of the user, which must remain."""
    run(tiny, 'run', {'total_epochs': 1})
    folder = tiny.folder / 'run'
    victim = tiny.folder / 'best_thesis.pth'
    victim.write_text('mine')
    (folder / 'best_mine.pth').write_text('mine')
    for number, best in enumerate((str(victim), str(folder / 'best_mine.pth'), str(folder), '../best_thesis.pth')):
        copy = tiny.folder / f'copy{number}'
        shutil.copytree(folder, copy, symlinks=True)
        checkpoint = torch.load(copy / 'epoch_1.pth', weights_only=False)
        checkpoint['message_hub']['runtime_info'].update(best_ckpt=best, best_score=-1.0)
        torch.save(checkpoint, copy / 'epoch_1.pth')
        cfg = load_config(tiny.config, {'total_epochs': 2, 'checkpoint_config': {'max_keep_ckpts': 1}})
        cfg.work_dir = str(copy)
        train(cfg, seed=3)
        assert victim.read_text() == 'mine' and (copy / 'best_mine.pth').read_text() == 'mine'
        assert (folder / 'epoch_1.pth').exists() and list(folder.glob('best_top1*'))
