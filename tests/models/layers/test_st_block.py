import torch
from torch import nn

from pyskl.models.layers.st_block import STBlock
from pyskl.models.layers.temporal_conv import UnitTCN


class Times(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return x * self.factor


def test_a_block_is_relu_of_tcn_of_gcn_plus_the_input():
    x = torch.tensor([1.0, -1.0]).view(1, 2, 1, 1)  # (B, C, T, V)
    block = STBlock(Times(2), Times(3), 2, 2, stride=1, residual=True)
    assert block(x).flatten().tolist() == [7, 0]
    block = STBlock(Times(2), Times(-3), 2, 2, stride=1, residual=False)
    assert block(x).flatten().tolist() == [0, 6]
    assert not list(block.parameters())


def test_if_shapes_change_the_residual_is_a_1x1_convolution():
    narrow = STBlock(nn.Identity(), UnitTCN(2, 4, 3, stride=2), 2, 4, stride=2, residual=True).eval()
    assert narrow.residual.conv.weight.shape == (4, 2, 1, 1)
    assert narrow(torch.randn(1, 2, 6, 5)).shape == (1, 4, 3, 5)
