"""Two BatchNorms in a row, computed as one.

The second sees the first one's output, whose statistics follow from those of the input: with batch mean ``mu`` and
variance ``v``, the first leaves mean ``beta1`` and variance ``gamma1^2 v / (v + eps1)``. So both are one BatchNorm of

    weight  gamma2 gamma1 / sqrt(gamma1^2 + eps2)
    bias    beta2
    eps     eps1 eps2 / (gamma1^2 + eps2)          one number per channel

exactly: ``gamma1`` gets its (tiny) gradient too. The maps are read once instead of twice.
"""

import torch
from torch import Tensor, nn

from pyskl.models.layers.batch_norm import NormFunction, current_copies, is_plain


def double_batch_norm(x: Tensor, first: nn.Module, second: nn.Module) -> Tensor:
    """``second(first(x))``, and the running statistics of both, for ``(B, C, ...)``.

    In one pass where both are plain BatchNorm2d in the same mode. One after the other where they are anything else
    (synchronised, fused away), under torch.compile, which fuses by itself, and on a GPU, where the dozen small
    kernels of the formula take about as long as the pass they save.
    """
    plain = is_plain(first) and is_plain(second) and first.training == second.training
    if not plain or x.device.type != 'cpu' or torch.compiler.is_compiling():
        return second(first(x))
    if not first.training:
        scale = (second.running_var + second.eps).rsqrt() * first.weight
        bias = (first.bias - second.running_mean) * (second.running_var + second.eps).rsqrt() * second.weight
        return nn.functional.batch_norm(
            x, first.running_mean, first.running_var, scale * second.weight, bias + second.bias, False, 0.0, first.eps
        )
    copies = current_copies()
    size = x.numel() // x.shape[1] if copies is None else copies.total * x[0, 0].numel()
    if size < 2:
        raise ValueError(f'BatchNorm in training needs more than one value per channel, got {tuple(x.shape)}')
    spread = first.weight**2 + second.eps
    weight = second.weight * first.weight * spread.rsqrt()
    bias = second.bias + 0.0 * first.bias  # gives first.bias the gradient zero instead of None
    eps = first.eps * second.eps / spread
    out, var = NormFunction.apply(x, weight, bias, eps, first.running_mean, first.running_var, first.momentum, copies)
    with torch.no_grad():
        between = first.weight**2 * var / (var + first.eps) * (size / (size - 1))
        second.running_mean.lerp_(first.bias, second.momentum)
        second.running_var.lerp_(between, second.momentum)
        first.num_batches_tracked.add_(1)
        second.num_batches_tracked.add_(1)
    return out
