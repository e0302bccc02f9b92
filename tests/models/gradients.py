"""Comparison of two networks by the gradients of their parameters."""

import torch
from torch import Tensor, nn


def assert_equal_gradients(ours: nn.Module, theirs: nn.Module, y: Tensor, expected: Tensor, atol: float = 1e-12):
    """Go backward from ``y`` and from ``expected`` with one random gradient; the parameters' gradients are equal."""
    grad = torch.randn_like(y)
    y.backward(grad)
    expected.backward(grad)
    for (key, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=atol), key
