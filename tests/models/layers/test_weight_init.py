import math

import torch
from torch import nn

from pyskl.models.layers.weight_init import branch_init, conv_init, norm_init


def test_conv_init_keeps_the_variance_of_gradients():
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 128, (3, 1))
    conv_init(conv)
    assert math.isclose(conv.weight.std().item(), math.sqrt(2 / (128 * 3)), rel_tol=0.02)
    assert not conv.bias.any()


def test_branch_init_divides_the_variance_by_the_branches():
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 128, 1)
    branch_init(conv, branches=3)
    assert math.isclose(conv.weight.std().item(), math.sqrt(2 / (128 * 64 * 3)), rel_tol=0.02)
    assert not conv.bias.any()


def test_norm_init_sets_the_weight_and_zeroes_the_bias():
    norm = nn.BatchNorm2d(4)
    norm_init(norm, 1e-6)
    assert norm.weight.unique().tolist() == [torch.tensor(1e-6).item()]
    assert not norm.bias.any()
