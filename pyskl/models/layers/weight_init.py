"""First weights that several papers share."""

import math

from torch import nn


def conv_init(conv: nn.Module) -> None:
    """Kaiming normal by the outputs, no bias."""
    nn.init.kaiming_normal_(conv.weight, mode='fan_out')
    nn.init.zeros_(conv.bias)


def branch_init(conv: nn.Module, branches: int) -> None:
    """Normal, as if ``branches`` of this convolution were one; no bias."""
    nn.init.normal_(conv.weight, std=math.sqrt(2 / (conv.weight[..., 0].numel() * branches)))
    nn.init.zeros_(conv.bias)


def norm_init(norm: nn.Module, weight: float = 1.0) -> None:
    """A norm whose output starts with this spread."""
    nn.init.constant_(norm.weight, weight)
    nn.init.zeros_(norm.bias)
