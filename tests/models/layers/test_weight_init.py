import math

import torch
from torch import nn

from pyskl.models.layers.weight_init import branch_init, conv_init, norm_init


def test_a_convolution_keeps_the_variance_of_gradients():
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 128, (3, 1))
    conv_init(conv)
    assert math.isclose(conv.weight.std().item(), math.sqrt(2 / (128 * 3)), rel_tol=0.02)
    assert not conv.bias.any()


def test_branches_share_the_variance_of_one_convolution():
    torch.manual_seed(0)
    conv = nn.Conv2d(64, 128, 1)
    branch_init(conv, branches=3)
    assert math.isclose(conv.weight.std().item(), math.sqrt(2 / (128 * 64 * 3)), rel_tol=0.02)
    assert not conv.bias.any()


def test_a_norm_starts_with_the_weight_asked_for():
    norm = nn.BatchNorm2d(4)
    norm_init(norm, 1e-6)
    assert norm.weight.unique().tolist() == [torch.tensor(1e-6).item()]
    assert not norm.bias.any()
