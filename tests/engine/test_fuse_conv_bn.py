"""``--fuse-conv-bn`` changes no scores; norms that cannot be fused are left unchanged."""

import pytest
import torch
from torch import nn

from pyskl.engine.fuse_conv_bn import conv_norm_pairs, fuse_conv_bn
from tests.networks import NETWORKS, inputs, network

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@pytest.mark.parametrize('name', NETWORKS)
@torch.no_grad()
def test_fusing_does_not_change_the_scores_of_any_network(name):
    model, x = network(name).eval(), inputs(name)
    before = model(**x)
    norms = sum(isinstance(module, NORMS) for module in model.modules())
    folded = fuse_conv_bn(model, **x)
    left = sum(isinstance(module, NORMS) for module in model.modules())
    assert norms - left == folded > 0
    assert (model(**x) - before).abs().max() < 1e-4 * before.abs().max()
    assert (before.max(0).values - before.min(0).values).max() > 1e-3 * before.abs().max()  # the clips differ


@pytest.mark.parametrize('name', NETWORKS)
def test_no_norm_is_fused_twice(name):
    model, x = network(name).eval(), inputs(name)
    pairs = conv_norm_pairs(model, **x)
    for names in zip(*pairs, strict=True):
        assert len(set(names)) == len(names)
    fuse_conv_bn(model, **x)
    assert fuse_conv_bn(model, **x) == 0


class Between(nn.Module):
    """A convolution, a module, and a norm."""

    def __init__(self, something):
        super().__init__()
        self.conv, self.something, self.norm = nn.Conv2d(2, 2, 1), something, nn.BatchNorm2d(2)

    def forward(self, x):
        return self.norm(self.something(self.conv(x)))


@pytest.mark.parametrize(('something', 'folded'), [(nn.Identity(), 1), (nn.ReLU(), 0), (nn.ReLU(inplace=True), 0)])
def test_a_norm_after_an_activation_is_not_fused(something, folded):
    torch.manual_seed(0)
    model, x = Between(something).eval(), torch.randn(3, 2, 4, 4)
    before = model(x)
    assert fuse_conv_bn(model, x) == folded
    assert torch.allclose(model(x), before, atol=1e-5)


def test_a_convolution_whose_output_is_used_twice_raises():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)
            self.norm.running_var.fill_(4.0)

        def forward(self, x):
            y = self.conv(x)
            return self.norm(y) + y

    with pytest.raises(ValueError, match='--fuse-conv-bn would change the scores of this network'):
        fuse_conv_bn(Twice().eval(), torch.randn(3, 2, 4, 4))
