"""Optimizers and schedules are checked before a run starts."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MessageHub
from torch import nn

from pyskl.engine.hooks import LossHook
from pyskl.engine.optimizer import ExponentialWarmUpLR, build_optimizer, check_schedulers

SGD = {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9, 'nesterov': True}


def test_an_optimizer_is_built_with_its_arguments():
    wrapper = build_optimizer({'type': 'OptimWrapper', 'optimizer': SGD, 'accumulative_counts': 3}, nn.Linear(2, 2))
    assert isinstance(wrapper.optimizer, torch.optim.SGD)
    assert wrapper.optimizer.param_groups[0]['nesterov'] is True
    assert wrapper._accumulative_counts == 3


def test_accumulated_gradients_equal_those_of_one_large_batch():
    torch.manual_seed(0)
    x = torch.randn(8, 3)
    weights = []
    for counts, parts in ((1, 1), (4, 4)):
        torch.manual_seed(1)
        net = nn.Linear(3, 1)
        config = {'type': 'OptimWrapper', 'optimizer': dict(SGD), 'accumulative_counts': counts}
        wrapper = build_optimizer(config, net)
        wrapper.initialize_count_status(net, 0, parts)
        for part in x.chunk(parts):
            with wrapper.optim_context(net):
                loss = net(part).square().mean()
            wrapper.update_params(loss)
        weights.append(net.weight.detach().clone())
    assert torch.allclose(*weights, atol=1e-6)
    assert not torch.allclose(weights[0], nn.Linear(3, 1).weight)


def test_norms_of_clipped_gradients_are_logged_at_the_end_of_an_interval():
    net = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(net.weight)
    sgd = {'type': 'SGD', 'lr': 1.0}
    wrapper = build_optimizer({'type': 'OptimWrapper', 'optimizer': sgd, 'clip_grad': {'max_norm': 1}}, net)
    hub = wrapper.message_hub = MessageHub.get_instance('clipped gradients')
    runner = SimpleNamespace(
        optim_wrapper=wrapper, message_hub=hub, train_dataloader=range(2), iter=0, epoch=0,
        model=SimpleNamespace(recognizer=None),
    )  # fmt: skip
    hook = LossHook()
    for i, x in enumerate(([[3.0, 4.0]], [[6.0, 8.0]])):
        loss = net(torch.tensor(x)).sum()
        wrapper.update_params(loss)
        assert 'train/grad_norm' not in hub.log_scalars
        hook.after_train_iter(runner, i, {'sample_index': torch.tensor([i])}, {'loss': loss.detach()})
    assert hub.get_scalar('train/grad_norm').data[0].tolist() == [5, 10]
    assert torch.allclose(net.weight, torch.tensor([[-1.2, -1.6]]))  # two steps of length 1


def test_inherited_arguments_of_another_optimizer_type_raise_with_a_fix():
    with pytest.raises(ValueError, match=r"Adam has no argument 'momentum'.*_delete_=True, type='Adam', lr=\.\.\."):
        build_optimizer({'optimizer': {**SGD, 'type': 'Adam'}}, nn.Linear(2, 2))


@pytest.mark.parametrize(
    ('wrapper', 'message'),
    [
        ({'optimizer': None}, 'must be a dict with a type'),
        ({'optimizer': {'type': 'SDG', 'lr': 0.1}}, "'SDG' is not a known optimizer; did you mean 'SGD'"),
        ({'optimizer': {**SGD, 'lr': -1}}, 'optimizer.lr must be a number of at least 0, got -1'),
        ({'optimizer': SGD, 'clip_grad': {'max_norm': 0}}, 'max_norm must be a positive number, got 0'),
        ({'optimizer': SGD, 'paramwise_cfg': {'bias_mult': 1}}, 'optimizer.paramwise_cfg has no key'),
        ({'type': 'OptimWraper', 'optimizer': SGD}, "'OptimWraper' is not a known optim_wrapper"),
    ],
)
def test_an_invalid_optimizer_raises_one_line(wrapper, message):
    with pytest.raises(ValueError, match=message):
        build_optimizer(wrapper, nn.Linear(2, 2))


def test_an_invalid_schedule_raises_with_its_key():
    with pytest.raises(ValueError, match="lr_config: 'CosineLR' is not a known"):
        check_schedulers([{'type': 'CosineLR'}], 10, 'lr_config')
    check_schedulers([{'type': 'StepLR', 'step_size': 2}], 10, 'lr_config')


@pytest.mark.parametrize('end', [{}, {'end': 100}])  # mmengine's runner gives one
def test_exponential_warm_up_multiplies_by_a_constant_factor_per_step(end):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.8)
    schedule = ExponentialWarmUpLR(optimizer, ratio=0.125, steps=3, **end)
    rates = []
    for _ in range(5):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.1, 0.2, 0.4, 0.8, 0.8])
