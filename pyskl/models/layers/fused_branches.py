"""Layers that are separate in checkpoints, computed as one: fewer passes over the maps and their gradients.

B = samples times persons, T frames, V joints, C channels, K layers.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.batch_norm import BatchNorm2d, batch_norm, is_plain
from pyskl.models.layers.convolution import Conv2d, pointwise


def conv_each(
    x: Tensor, convs: Iterable[nn.Module], apart: bool = False, scale: Tensor | None = None, biased: bool = True
) -> Tensor:
    """``(B, C_in, T, V) -> (B, sum of C_out, T, V)``: the outputs of the 1x1 convolutions, concatenated.

    Args:
        x: The input of all, or ``(B, K * C_in, T, V)`` if ``apart``.
        convs: K, of one shape if ``apart``.
        apart: Whether each gets its own part of the channels only.
        scale: A factor of all outputs; applied to the weights, which are smaller.
        biased: Whether to add the biases.
    """
    convs = list(convs)
    weight, bias = torch.cat([conv.weight for conv in convs]), biases(convs) if biased else None
    if scale is not None:
        weight, bias = scale * weight, scale * bias if biased else None
    return F.conv2d(x, weight, bias, groups=len(convs)) if apart else pointwise(x, weight, bias)


def biases(convs: Iterable[nn.Module]) -> Tensor:
    """The biases, concatenated."""
    return torch.cat([conv.bias for conv in convs])


def conv_sum(x: Tensor, convs: Iterable[nn.Module]) -> Tensor:
    """``(B, K * C_in, T, V) -> (B, C_out, T, V)``: each gets its own part of the channels; outputs are added."""
    convs = list(convs)
    weight = torch.cat([conv.weight for conv in convs], dim=1)
    return pointwise(x, weight, torch.stack([conv.bias for conv in convs]).sum(0))


def split_dense(x: Tensor, widths: Sequence[int]) -> list[Tensor]:
    """``(B, C, T, V)`` -> one copy per part of the channels, in the layout of ``x``.

    A convolution copies a slice of channels to dense maps itself, in forward and again in backward, and a pool takes
    its slow path.
    """
    last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
    layout = torch.channels_last if last else torch.contiguous_format
    return [part.contiguous(memory_format=layout) for part in x.split(widths, 1)]


def _alike(norms: Sequence[nn.Module]) -> bool:
    """Whether one BatchNorm2d can replace all: not if synchronised, fused, or of different mode, momentum or eps."""
    first = norms[0]
    return all(
        is_plain(norm) and (norm.training, norm.momentum, norm.eps) == (first.training, first.momentum, first.eps)
        for norm in norms
    )


def cancel(norms: Sequence[nn.Module], convs: Iterable[nn.Module]) -> bool:
    """Whether the norms, in training, cancel the biases of the convolutions before them.

    Then those need not be added, and their gradients, sums over all maps, need not be computed: they are zero.
    """
    return (
        all(isinstance(norm, BatchNorm2d) and norm.cancels_bias for norm in norms)
        and _alike(norms)
        and all(isinstance(conv, Conv2d) and conv.bias is not None for conv in convs)
    )


def conv_norm(x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
    """``norm(conv(x))``, without adding a bias that the norm cancels."""
    return norm(conv(x, biased=False), cancelled=conv.bias) if cancel([norm], [conv]) else norm(conv(x))


class ConvNorm(nn.Sequential):
    """A convolution and its norm, computed by :func:`conv_norm`."""

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V')``."""
        return conv_norm(x, *self)


def conv_norm_each(x: Tensor, convs: Sequence[nn.Module], norms: Sequence[nn.Module], widths: Sequence[int]) -> Tensor:
    """:func:`norm_each` of :func:`conv_each`, without adding biases that the norms cancel."""
    if cancel(norms, convs):
        return norm_each(conv_each(x, convs, biased=False), norms, widths, biases(convs))
    return norm_each(conv_each(x, convs), norms, widths)


def norm_each(x: Tensor, norms: Iterable[nn.Module], widths: Sequence[int], cancelled: Tensor | None = None) -> Tensor:
    """``(B, C, T, V)`` -> same: each norm gets its own part of the channels, with its own statistics.

    Args:
        x: Channels last or first, dense: a norm on a slice of channels would take the slow path in backward.
        norms: K.
        widths: Channels of each; C in sum.
        cancelled: ``(C,)``, as of :func:`batch_norm`; only where the norms :func:`cancel` it.
    """
    norms = list(norms)
    if not _alike(norms):
        return torch.cat([norm(part) for norm, part in zip(norms, x.split(widths, 1), strict=True)], 1)
    weight, bias = torch.cat([norm.weight for norm in norms]), torch.cat([norm.bias for norm in norms])
    means, variances = [norm.running_mean for norm in norms], [norm.running_var for norm in norms]
    mean, variance = torch.cat(means), torch.cat(variances)
    training = norms[0].training
    y = batch_norm(x, mean, variance, weight, bias, training, norms[0].momentum, norms[0].eps, cancelled)
    if training:
        with torch.no_grad():
            torch._foreach_copy_(means, mean.split(widths))
            torch._foreach_copy_(variances, variance.split(widths))
            torch._foreach_add_([norm.num_batches_tracked for norm in norms], 1)
    return y
