"""Initialisations that several papers share."""

import math

from torch import nn


def conv_init(conv: nn.Module) -> None:
    """Kaiming normal, mode ``fan_out``; bias 0."""
    nn.init.kaiming_normal_(conv.weight, mode='fan_out')
    nn.init.zeros_(conv.bias)


def branch_init(conv: nn.Module, branches: int) -> None:
    """Normal with the variance of ``branches`` such convolutions seen as one; bias 0."""
    nn.init.normal_(conv.weight, std=math.sqrt(2 / (conv.weight[..., 0].numel() * branches)))
    nn.init.zeros_(conv.bias)


def norm_init(norm: nn.Module, weight: float = 1.0) -> None:
    """Initialise a norm with constant weight and bias 0."""
    nn.init.constant_(norm.weight, weight)
    nn.init.zeros_(norm.bias)
