"""3D convolutions that compute what torch's do, each by the kernel that suits it; channels last.

On a CPU torch's 3D kernels are slow, except dense ones that extend over all three axes. Channels-last maps are stored
as (B, T, H, W, C), which is also a batch of B * T images and a batch of B maps over T and H * W, so without a
copy

    1x1x1  is a matrix product along the channels,
    1xkxk  is a 2D convolution of images,
    kx1x1  is a 2D convolution over time,

and the gradients of a depthwise kxkxk convolution are a convolution with the mirrored kernel, and 2D weight gradients,
one per frame of the kernel. The effect is measured by ``benchmarks/conv_layouts.py`` (one core with AVX2).

B = samples times views, C channels, T frames, H x W pixels.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pyskl.models.layers.convolution import channels_last, on_cpu, sliced_strides


def as_images(x: Tensor) -> Tensor:
    """``(B, C, T, H, W)``, channels last, ``-> (B * T, C, H, W)``, the same memory."""
    return x.movedim(1, -1).flatten(0, 1).movedim(-1, 1)


def from_images(x: Tensor, batch: int) -> Tensor:
    """``(B * T, C, H, W)``, channels last, ``-> (B, C, T, H, W)``, the same memory."""
    return x.movedim(1, -1).unflatten(0, (batch, -1)).movedim(-1, 1)


def _product(conv: nn.Conv3d, x: Tensor) -> Tensor:
    return F.linear(x.movedim(1, -1), conv.weight.flatten(1), conv.bias).movedim(-1, 1)


def _over_space(conv: nn.Conv3d, x: Tensor) -> Tensor:
    stride, padding, dilation = conv.remaining[1:], conv.padding[1:], conv.dilation[1:]
    y = F.conv2d(as_images(x), conv.weight[:, :, 0], conv.bias, stride, padding, dilation, conv.groups)
    return from_images(y, len(x))


def _over_time(conv: nn.Conv3d, x: Tensor) -> Tensor:
    size = x.shape[3:]
    maps = x.movedim(1, -1).flatten(2, 3).movedim(-1, 1)  # (B, C, T, H * W)
    stride, padding, dilation = (conv.remaining[0], 1), (conv.padding[0], 0), (conv.dilation[0], 1)
    y = F.conv2d(maps, conv.weight[..., 0], conv.bias, stride, padding, dilation, conv.groups)
    return y.movedim(1, -1).unflatten(2, size).movedim(-1, 1)


class _Depthwise(torch.autograd.Function):
    """A depthwise convolution of odd kernel, padded by half of it, no stride in time, channels last."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None, stride: tuple[int, int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv3d(x, weight, bias, stride, tuple(k // 2 for k in weight.shape[2:]), groups=len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last_3d)
        of_x, of_weight, of_bias = ctx.needs_input_grad[:3]
        return (
            _depthwise_grad_x(grad, x, weight, ctx.stride) if of_x else None,
            _depthwise_grad_weight(grad, x, weight, ctx.stride) if of_weight else None,
            grad.sum((0, 2, 3, 4)) if of_bias else None,
            None,
        )


def _depthwise_grad_x(grad: Tensor, x: Tensor, weight: Tensor, stride: tuple[int, int, int]) -> Tensor:
    """The convolution of ``grad``, its values as far apart as the stride took them, with the mirrored kernel."""
    if stride != (1, 1, 1):
        spread = torch.zeros_like(x)
        spread[..., :: stride[1], :: stride[2]] = grad
        grad = spread
    padding = tuple(k // 2 for k in weight.shape[2:])
    return F.conv3d(grad, weight.flip(2, 3, 4), None, 1, padding, groups=len(weight))


def _depthwise_grad_weight(grad: Tensor, x: Tensor, weight: Tensor, stride: tuple[int, int, int]) -> Tensor:
    """Frame by frame of the kernel, and sample by sample, whose frames are a slice of memory."""
    frames, height, width = weight.shape[2:]
    options = (None, stride[1:], (height // 2, width // 2), (1, 1), False, (0, 0), len(weight))
    result = torch.zeros_like(weight)
    for k in range(frames):
        shift = k - frames // 2  # frame t of the output sees frame t + shift
        first, last = max(0, -shift), min(x.shape[2], x.shape[2] - shift)
        for sample, of_sample in zip(x.movedim(2, 1), grad.movedim(2, 1), strict=True):
            _, part, _ = torch.ops.aten.convolution_backward(
                of_sample[first:last], sample[first + shift : last + shift], weight[:, :, k], *options,
                [False, True, False],
            )  # fmt: skip
            result[:, :, k] += part
    return result


def _depthwise(conv: nn.Conv3d, x: Tensor) -> Tensor:
    return _Depthwise.apply(x, conv.weight, conv.bias, conv.stride)


def _method(conv: nn.Conv3d) -> Callable[[nn.Conv3d, Tensor], Tensor] | None:
    """How to compute ``conv`` for channels-last maps on a CPU; None: by torch's own kernel."""
    time, *space = conv.kernel_size
    if conv.kernel_size == (1, 1, 1):
        return _product if conv.groups == 1 else None
    if time == 1:
        return _over_space
    if space == [1, 1]:
        return _over_time
    half = tuple(k // 2 for k in conv.kernel_size)
    is_odd = all(k % 2 for k in conv.kernel_size) and conv.padding == half and conv.dilation == (1, 1, 1)
    is_depthwise = conv.groups == conv.in_channels == conv.out_channels
    return _depthwise if is_odd and is_depthwise and conv.stride[0] == 1 else None


class Conv3d(nn.Conv3d):
    """``nn.Conv3d``, the same numbers, by the rules at the head of the file; strides as in :class:`Conv2d`."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.index, self.remaining = sliced_strides(self)
        self.slices = self.remaining != self.stride
        self.method = _method(self)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, H, W) -> (B, C_out, T', H', W')``."""
        last = channels_last(x)
        if self.slices:
            x = x[self.index]
            if last:  # a slice of it would pass for channels first
                x = x.contiguous(memory_format=torch.channels_last_3d)
        if self.method is not None and last and channels_last(x) and on_cpu(x):
            return self.method(self, x)
        return F.conv3d(x, self.weight, self.bias, self.remaining, self.padding, self.dilation, self.groups)
