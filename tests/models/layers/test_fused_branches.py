import copy

import pytest
import torch
from torch import nn

from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.fused_branches import ConvNorm, conv_each, conv_norm_each, norm_each
from tests.models.gradients import assert_equal_gradients

WIDTHS = [2, 3, 1]


def norms():
    torch.manual_seed(0)
    made = [nn.BatchNorm2d(width) for width in WIDTHS]
    for norm in made:
        for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            nn.init.uniform_(value, 0.5, 2)
    return nn.ModuleList(made)


@pytest.mark.parametrize('training', [True, False])
def test_fused_norms_equal_separate_norms_in_values_and_statistics(training):
    apart = norms().train(training)
    together = copy.deepcopy(apart)
    x = torch.randn(4, 6, 5, 3)
    expected = torch.cat([norm(part) for norm, part in zip(apart, x.split(WIDTHS, 1), strict=True)], 1)
    assert torch.allclose(norm_each(x, together, WIDTHS), expected, atol=1e-6)
    for one, other in zip(apart.state_dict().values(), together.state_dict().values(), strict=True):
        assert torch.allclose(one, other)


def test_norms_that_differ_are_computed_one_by_one():
    mixed = nn.ModuleList([nn.BatchNorm2d(2), nn.Identity(), nn.BatchNorm2d(1)])
    mixed[2].eval()
    x = torch.randn(4, 6, 5, 3) + 3
    y = norm_each(x, mixed, WIDTHS)
    assert y[:, :2].mean().abs() < 1e-5
    assert torch.equal(y[:, 2:5], x[:, 2:5])
    assert torch.allclose(y[:, 5:], x[:, 5:], atol=1e-4)


def test_fused_convolutions_equal_separate_convolutions():
    convs = [nn.Conv2d(4, width, 1) for width in WIDTHS]
    x = torch.randn(2, 4, 5, 3)
    assert torch.allclose(conv_each(x, convs), torch.cat([conv(x) for conv in convs], 1), atol=1e-6)


def conv_norms():
    torch.manual_seed(0)
    layers = nn.ModuleList(ConvNorm(Conv2d(4, width, 1), BatchNorm2d(width, momentum=0.3)) for width in WIDTHS)
    for value in layers.parameters():
        nn.init.normal_(value)
    return layers.double()


def one_by_one(x, layers):
    return torch.cat([norm(conv(x)) for conv, norm in layers], 1)


def without_biases(x, layers):
    return torch.cat([layer(x) for layer in layers], 1)


def side_by_side(x, layers):
    return conv_norm_each(x, [layer[0] for layer in layers], [layer[1] for layer in layers], WIDTHS)


@pytest.mark.parametrize('apply', [without_biases, side_by_side])
def test_a_bias_before_a_norm_in_training_changes_the_running_mean_only(apply, monkeypatch):
    ours, x = conv_norms(), torch.randn(6, 4, 5, 3, dtype=torch.double)
    theirs = copy.deepcopy(ours)
    expected = one_by_one(x, theirs)
    added = []
    forward = torch.nn.functional.conv2d
    monkeypatch.setattr(torch.nn.functional, 'conv2d', lambda x, w, b=None, *r: added.append(b) or forward(x, w, b, *r))
    y = apply(x, ours)
    assert added and all(bias is None for bias in added)
    assert torch.allclose(y, expected, atol=1e-12)
    assert_equal_gradients(ours, theirs, y, expected)
    assert all(torch.equal(conv.bias.grad, torch.zeros_like(conv.bias)) for conv, _ in ours)
    for key, value in theirs.state_dict().items():
        assert torch.allclose(ours.state_dict()[key], value, rtol=1e-12), key


@pytest.mark.parametrize('apply', [without_biases, side_by_side])
@pytest.mark.parametrize('norm', [BatchNorm2d, nn.BatchNorm2d, nn.Identity])
def test_a_norm_that_is_frozen_or_of_another_kind_gets_the_bias(norm, apply):
    layers = conv_norms()
    for layer in layers:
        layer[1] = norm(layer[0].out_channels).double().train(norm is not BatchNorm2d)
    x = torch.randn(6, 4, 5, 3, dtype=torch.double)
    before = copy.deepcopy(layers)
    assert torch.allclose(apply(x, layers), one_by_one(x, before), atol=1e-12)
    for key, value in before.state_dict().items():
        assert torch.allclose(layers.state_dict()[key], value, rtol=1e-12), key
