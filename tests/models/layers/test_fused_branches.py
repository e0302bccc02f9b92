import copy

import pytest
import torch
from torch import nn

from pyskl.models.layers.fused_branches import conv_each, norm_each

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
