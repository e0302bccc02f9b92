import fcntl
import os
import struct
import termios
from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub

from pyskl.engine import hooks
from pyskl.engine.hooks import LossHook, StepSeedHook, live_values, shows_bar, step_seed


class Runner:
    seed, iter = 5, 17


def test_randomness_of_an_iteration_does_not_depend_on_earlier_ones():
    hook, numbers = StepSeedHook(), []
    for before in (0, 1):
        torch.manual_seed(before)
        torch.rand(before)
        hook.before_train_iter(Runner(), batch_idx=0)
        numbers.append(torch.rand(3))
    assert torch.equal(*numbers)


def test_step_seeds_differ_by_seed_iteration_and_rank():
    seeds = {step_seed(*key) for key in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))}
    assert len(seeds) == 4 and all(0 <= seed < 2**64 for seed in seeds)


def test_live_values_formats_the_values_logged_last():
    hub = MessageHub.get_instance('test_the_live_line')
    assert live_values(hub) == ''
    for key, value in (('loss', 1.23456), ('top1_acc', 0.5), ('lr', 0.01), ('grad_norm', 3.0)):
        hub.update_scalar(f'train/{key}', value)
    hub.update_info('eta', 61)
    assert live_values(hub) == 'loss 1.2346  top1 0.500  lr 1.0e-02  left 0:01:01'


class FakeRunner:
    """The parts of a runner that LossHook uses: five iterations per epoch, clips named by number."""

    iter, epoch = 0, 0

    def __init__(self):
        self.message_hub = MessageHub.get_instance('loss hook')
        clips = SimpleNamespace(names=[f'clip{i}' for i in range(10)])
        loader = {'__len__': lambda _: 5, 'dataset': SimpleNamespace(dataset=clips)}
        self.train_dataloader = type('Loader', (), loader)()


def logged(hook, runner, values):
    """Return the loss logged after each iteration; None before the end of an interval."""
    seen = []
    for i, value in enumerate(values):
        outputs = {'loss': torch.tensor(value), 'top1_acc': torch.tensor(value / 2)}
        hook.after_train_iter(runner, i, {'sample_index': torch.tensor([2 * i, 2 * i + 1])}, outputs)
        scalar = runner.message_hub.log_scalars.get('train/loss')
        seen.append(scalar.current() if scalar is not None else None)
    return seen


def test_the_logged_loss_is_the_mean_of_its_interval():
    runner = FakeRunner()
    assert logged(LossHook(interval=2), runner, [1.0, 3.0, 10.0, 20.0, 7.0]) == [None, 2, 2, 15, 7]
    assert runner.message_hub.get_scalar('train/top1_acc').current() == 3.5


def test_a_loss_that_is_not_finite_raises_with_iteration_and_clips():
    with pytest.raises(ValueError, match=r'the loss is nan at iteration 1 \(epoch 1\); clips: clip2, clip3'):
        logged(LossHook(interval=4), FakeRunner(), [1.0, float('nan')])


@pytest.mark.parametrize(('classes', 'logged'), [(5, False), (6, True)])
def test_top_5_of_at_most_five_classes_is_not_logged(classes, logged):
    hook, hub = LossHook(), MessageHub.get_instance(f'top5 of {classes}')
    head = SimpleNamespace(num_classes=classes)
    runner = SimpleNamespace(
        model=SimpleNamespace(recognizer=SimpleNamespace(cls_head=head)),
        train_dataloader=[0],
        message_hub=hub,
        iter=0,
        epoch=0,
    )
    values = {'loss': torch.tensor(1.0), 'top1_acc': torch.tensor(0.5), 'top5_acc': torch.tensor(1.0)}
    hook.after_train_iter(runner, 0, {'sample_index': torch.tensor([0])}, values)
    assert ('train/top5_acc' in hub.log_scalars) == logged and 'train/top1_acc' in hub.log_scalars


def test_the_bar_needs_a_terminal_of_known_size(monkeypatch):
    primary, secondary = os.openpty()
    with os.fdopen(primary, 'wb'), os.fdopen(secondary, 'w') as terminal:
        monkeypatch.setattr(hooks.sys, 'stderr', terminal)
        for rows, columns, shown in ((40, 120, True), (0, 120, False), (40, 0, False)):
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
            assert shows_bar() == shown
    with open(os.devnull, 'w') as file:
        monkeypatch.setattr(hooks.sys, 'stderr', file)
        assert not shows_bar()
