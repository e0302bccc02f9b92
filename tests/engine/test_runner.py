"""Differences between our runner and mmengine's; tests/engine/test_train.py has complete runs."""

import io
import logging
import os
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from tqdm import tqdm

from pyskl.engine import runner as module
from pyskl.engine.checkpoints.files import read_checkpoint, save_checkpoint
from pyskl.engine.runner import Runner, TrainLoop, point_latest


def validated(epochs, interval, begin=1, offset=0, val_loop=True):
    """Return the epochs after which a loop validates."""
    loop = TrainLoop.__new__(TrainLoop)
    loop._runner = SimpleNamespace(val_loop=val_loop or None)
    loop._max_epochs, loop.val_begin, loop.val_offset, loop._every = epochs, begin, offset, interval
    validations = []
    for loop._epoch in range(1, epochs + 1):
        loop._decide_current_val_interval()
        if loop.val_interval == 1:
            validations.append(loop._epoch)
    return validations


def test_validation_follows_the_interval_and_the_last_epoch():
    assert validated(7, 3) == [3, 6, 7]
    assert validated(6, 3) == [3, 6]


def test_start_shifts_the_interval_as_in_mmcv():
    assert validated(9, 3, begin=2, offset=2) == [2, 5, 8, 9]


def test_no_validation_before_begin():
    assert validated(6, 1, begin=5) == [5, 6]
    assert validated(2, 1, begin=5) == []


def test_no_validation_without_clips():
    assert validated(3, 1, val_loop=False) == []


@pytest.mark.parametrize(('processes', 'clips', 'rate'), [(1, 4, 0.05), (2, 4, 0.1), (8, 16, 1.6)])
def test_the_rate_is_scaled_by_the_batch_size_of_all_processes(processes, clips, rate):
    """The rate 0.1 is for a batch size of 8."""
    wrapper = OptimWrapper(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1))
    runner = SimpleNamespace(
        world_size=processes, _train_dataloader={'batch_size': clips}, logger=logging.getLogger('x'),
        param_schedulers=[],
    )  # fmt: skip
    Runner.scale_lr(runner, wrapper, {'enable': True, 'base_batch_size': 8})
    assert wrapper.optimizer.param_groups[0]['lr'] == pytest.approx(rate)


def test_latest_points_to_the_newest_checkpoint(tmp_path):
    for number in (1, 2):
        save_checkpoint({'state_dict': {'x': torch.full((1,), float(number))}}, tmp_path / f'epoch_{number}.pth')
        point_latest(str(tmp_path), f'epoch_{number}.pth')
        assert os.readlink(tmp_path / 'latest.pth') == f'epoch_{number}.pth'


def test_latest_is_a_copy_without_support_for_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError('no links here')

    monkeypatch.setattr(module, 'replace_link', refuse)
    save_checkpoint({'state_dict': {'x': torch.ones(1)}}, tmp_path / 'epoch_1.pth')
    point_latest(str(tmp_path), 'epoch_1.pth')
    assert not (tmp_path / 'latest.pth').is_symlink()
    assert read_checkpoint(tmp_path / 'latest.pth')['state_dict']['x'] == 1


def line(text, level=logging.INFO, **extra):
    record = logging.LogRecord('mmengine', level, 'x.py', 1, text, (), None)
    record.__dict__.update(extra)
    return record


def test_lines_have_a_level_only_from_warning_on():
    lines = module._Lines('%Y')
    assert lines.format(line('epoch 1')).split(' ', 1)[1] == 'epoch 1'
    assert lines.format(line('no GPU', logging.WARNING)).split(' ', 1)[1] == 'WARNING no GPU'


def test_lines_of_mmengine_about_itself_are_not_on_the_console(monkeypatch):
    assert module._for_the_console(line('epoch 1'))
    assert not module._for_the_console(line('Checkpoints will be saved to x'))
    monkeypatch.setattr(module, 'shows_bar', lambda: True)
    assert not module._for_the_console(line('loss 0.3', live=True))  # shown by the progress bar
    monkeypatch.setattr(module, 'shows_bar', lambda: False)
    assert module._for_the_console(line('loss 0.3', live=True))


def test_lines_are_printed_above_the_bar(monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr(module.sys, 'stdout', output)
    monkeypatch.setattr(tqdm, 'write', lambda text, end: output.write(text + end))
    module._AboveTheBar().write('epoch 1\n')
    assert output.getvalue() == 'epoch 1\n'
