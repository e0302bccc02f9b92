"""1x1 convolutions that checkpoints hold apart and that are computed as one.

B = samples times persons, T frames, V joints, C channels, K convolutions.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_each(x: Tensor, convs: Iterable[nn.Module], apart: bool = False) -> Tensor:
    """``(B, C_in, T, V) -> (B, K * C_out, T, V)``: the output of each, one after the other.

    Args:
        x: The input of all, or ``(B, K * C_in, T, V)`` if ``apart``.
        convs: K of one shape.
        apart: Whether each sees its own part of the channels only.
    """
    convs = list(convs)
    weight, bias = torch.cat([conv.weight for conv in convs]), torch.cat([conv.bias for conv in convs])
    return F.conv2d(x, weight, bias, groups=len(convs) if apart else 1)


def conv_sum(x: Tensor, convs: Iterable[nn.Module]) -> Tensor:
    """``(B, K * C_in, T, V) -> (B, C_out, T, V)``: each sees its own part of the channels; their outputs are added."""
    convs = list(convs)
    weight = torch.cat([conv.weight for conv in convs], dim=1)
    return F.conv2d(x, weight, torch.stack([conv.bias for conv in convs]).sum(0))
