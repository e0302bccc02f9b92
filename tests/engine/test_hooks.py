import torch
from mmengine.logging import MessageHub

from pyskl.engine.hooks import StepSeedHook, live_values, step_seed


class Runner:
    seed, iter = 5, 17


def test_an_iteration_has_the_same_randomness_whatever_came_before():
    hook, drawn = StepSeedHook(), []
    for before in (0, 1):
        torch.manual_seed(before)
        torch.rand(before)
        hook.before_train_iter(Runner(), batch_idx=0)
        drawn.append(torch.rand(3))
    assert torch.equal(*drawn)


def test_seed_iteration_and_rank_each_give_other_numbers():
    seeds = {step_seed(*key) for key in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))}
    assert len(seeds) == 4 and all(0 <= seed < 2**64 for seed in seeds)


def test_the_live_line_shows_what_was_logged_last():
    hub = MessageHub.get_instance('test_the_live_line')
    assert live_values(hub) == ''
    for key, value in (('loss', 1.23456), ('top1_acc', 0.5), ('lr', 0.01), ('grad_norm', 3.0)):
        hub.update_scalar(f'train/{key}', value)
    hub.update_info('eta', 61)
    assert live_values(hub) == 'loss 1.2346  top1 0.500  lr 1.0e-02  left 0:01:01'
