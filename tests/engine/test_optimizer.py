import pytest
import torch
from torch import nn

from pyskl.engine.optimizer import ExponentialWarmUpLR, build_optimizer, check_schedulers

SGD = {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9, 'weight_decay': 5e-4, 'nesterov': True}


def test_the_optimizer_has_the_arguments_of_the_config():
    optimizer = build_optimizer({'type': 'OptimWrapper', 'optimizer': SGD}, nn.Linear(2, 3)).optimizer
    assert isinstance(optimizer, torch.optim.SGD)
    assert {key: optimizer.param_groups[0][key] for key in SGD if key != 'type'} == {
        key: value for key, value in SGD.items() if key != 'type'
    }


def test_gradients_are_clipped_to_the_norm():
    layer = nn.Linear(1, 1, bias=False)
    wrapper = build_optimizer({'optimizer': {'type': 'SGD', 'lr': 1.0}, 'clip_grad': {'max_norm': 0.5}}, layer)
    before = layer.weight.item()
    wrapper.update_params((layer.weight * 100).sum())
    assert abs(before - layer.weight.item()) == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize(
    ('wrapper', 'said'),
    [
        ({'optimizer': {'type': 'SDG', 'lr': 0.1}}, 'SGD'),
        ({'optimizer': {'type': 'SGD', 'lr': 0.1, 'momentun': 0.9}}, 'momentum'),
        ({'optimizer': {'type': 'SGD', 'lr': -1}}, 'optimizer.lr'),
        ({'optimizer': {'lr': 0.1}}, 'a dict with a type'),
        ({'optimizer': SGD, 'clip_grad': {'max_norm': 0}}, 'grad_clip'),
        ({'optimizer': SGD, 'paramwise_cfg': {'norm_decay': 0}}, 'norm_decay_mult'),
    ],
)
def test_a_wrong_type_argument_or_value_is_named(wrapper, said):
    with pytest.raises(ValueError, match=said):
        build_optimizer(wrapper, nn.Linear(2, 3))


def test_an_exponential_warm_up_rises_by_one_factor_per_step():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.8)
    schedule = ExponentialWarmUpLR(optimizer, ratio=0.125, steps=3)
    rates = []
    for _ in range(5):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.1, 0.2, 0.4, 0.8, 0.8])


def test_a_schedule_with_an_unknown_argument_is_named_by_its_key():
    check_schedulers([{'type': 'MultiStepLR', 'milestones': [1, 2]}], 10, 'lr_config')
    with pytest.raises(ValueError, match='lr_config'):
        check_schedulers([{'type': 'MultiStepLR', 'milestone': [1, 2]}], 10, 'lr_config')
