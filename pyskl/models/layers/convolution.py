"""2D convolutions that compute what torch's do, each by the kernel that suits the layout of its maps.

The rules look at shapes, layout, device and instruction set only, so results are the same in every run. Their
effect is measured by ``benchmarks/conv_layouts.py`` (one core with AVX2).

1. A stride along an axis of kernel 1 is a slice of the input, unless the maps are channels last with a multiple of 64
   channels. oneDNN's channels-last backward of a strided 1x1 convolution (torch 2.13, AVX2) writes past the end of a
   buffer if it has fewer input channels than a vector register holds and the stride skips the last row of maps, which
   corrupts the heap; ``benchmarks/conv_overrun.py`` measures which kernels do. On contiguous maps the slice is also the
   faster one.
2. A 1x1 convolution of contiguous maps on a CPU is a batch of matrix products where torch would call oneDNN and there
   are many positions.
3. The weight gradient of a 1x1 convolution of channels-last maps is one matrix product where torch would call oneDNN
   and there is one thread, and its bias gradient is a sum; not with AVX-512.
4. The weight gradient of a channels-last convolution over time is computed on contiguous copies if a frame does not fit
   half of a first-level cache; not with AVX-512.

B = samples times persons, T frames, V joints, C channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

_FULL_BLOCKS = 64  # channels: a multiple of it leaves no block of any instruction set partly filled
_MANY_POSITIONS = 1024
_LARGE_FRAME = 4096  # numbers: 16 KB
_AVX512 = torch.backends.cpu.get_cpu_capability() == 'AVX512'


def on_cpu(x: Tensor) -> bool:
    """Whether rules for a CPU hold: float maps in eager mode, not under autocast, which chooses its own kernels."""
    return (
        x.device.type == 'cpu'
        and x.dtype in (torch.float32, torch.float64)
        and not torch.is_autocast_enabled('cpu')
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
    )


def channels_last(x: Tensor) -> bool:
    """Whether maps are dense, channels last and not contiguous too."""
    layout = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
    return x.is_contiguous(memory_format=layout) and not x.is_contiguous()


def _by_onednn(x: Tensor) -> bool:
    """Whether torch would compute a 1x1 convolution by oneDNN: its own rule."""
    return len(x) >= 16 or torch.get_num_threads() > 1


class _PointwiseLast(torch.autograd.Function):
    """``F.conv2d`` of channels-last maps by a 1x1 kernel; the gradient of the weight is one matrix product."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        rows = grad.permute(0, 2, 3, 1).flatten(0, 2)  # (B * T * V, C_out)
        grad_x = grad_weight = None
        if ctx.needs_input_grad[0]:
            options = (None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True, False, False])
            grad_x = torch.ops.aten.convolution_backward(grad, x, weight, *options)[0]
        if ctx.needs_input_grad[1]:
            grad_weight = (rows.t() @ x.permute(0, 2, 3, 1).flatten(0, 2)).view_as(weight)
        return grad_x, grad_weight, rows.sum(0) if ctx.needs_input_grad[2] else None


def pointwise(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 1x1 convolution without stride: ``(B, C_in, T, V) -> (B, C_out, T, V)``.

    Args:
        x: The maps.
        weight: ``(C_out, C_in, 1, 1)``.
        bias: ``(C_out,)`` or None.
    """
    if not (on_cpu(x) and _by_onednn(x)):
        return F.conv2d(x, weight, bias)
    trained = weight.requires_grad and torch.is_grad_enabled()
    if trained and channels_last(x) and torch.get_num_threads() == 1 and not _AVX512:
        return _PointwiseLast.apply(x, weight, bias)
    if not (x.shape[2] * x.shape[3] >= _MANY_POSITIONS and x.is_contiguous()):
        return F.conv2d(x, weight, bias)
    matrices = weight.flatten(1).expand(len(x), -1, -1)
    x, size = x.flatten(2), x.shape[2:]
    y = torch.bmm(matrices, x) if bias is None else torch.baddbmm(bias[:, None], matrices, x)
    return y.unflatten(2, size)


class _TimeConv(torch.autograd.Function):
    """``F.conv2d`` of channels-last maps, whose weight gradient is computed on contiguous ones."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None, *options: list[int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.options = options
        ctx.biases = None if bias is None else [len(bias)]
        return F.conv2d(x, weight, bias, *options)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        stride, padding, dilation = ctx.options
        of_x, of_weight, of_bias = ctx.needs_input_grad[:3]
        rest = (ctx.biases, stride, padding, dilation, False, [0, 0], 1)
        backward = torch.ops.aten.convolution_backward
        grad_x = grad_weight = grad_bias = None
        if of_x:
            grad_x = backward(grad, x, weight, *rest, [True, False, False])[0]
        if of_weight or of_bias:
            mask = [False, of_weight, of_bias]
            _, grad_weight, grad_bias = backward(grad.contiguous(), x.contiguous(), weight.contiguous(), *rest, mask)
        return grad_x, grad_weight, grad_bias, None, None, None


def sliced_strides(conv: nn.Conv2d | nn.Conv3d) -> tuple[tuple, tuple[int, ...]]:
    """The index of the input that takes over strides along axes of kernel 1, and the strides that remain."""
    axes = list(zip(conv.kernel_size, conv.stride, strict=True))
    index = (..., *(slice(None, None, stride if kernel == 1 else 1) for kernel, stride in axes))
    return index, tuple(1 if kernel == 1 else stride for kernel, stride in axes)


class Conv2d(nn.Conv2d):
    """``nn.Conv2d`` with equal results, computed by the rules at the top of the file."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.index, self.remaining = sliced_strides(self)
        self.slices = self.remaining != self.stride
        self.always_slices = self.in_channels % _FULL_BLOCKS != 0
        self.is_pointwise = self.kernel_size == (1, 1) and self.groups == 1
        self.is_over_time = self.kernel_size[0] > 3 and self.kernel_size[1] == 1 and self.groups == 1 and not _AVX512

    def forward(self, x: Tensor, biased: bool = True) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V')``.

        Args:
            x: The maps.
            biased: Whether to add the bias.
        """
        stride, bias = self.stride, self.bias if biased else None
        if self.slices and (self.always_slices or not channels_last(x)):
            x, stride = x[self.index], self.remaining
        if self.is_pointwise and stride == (1, 1):
            return pointwise(x, self.weight, bias)
        if self.is_over_time and on_cpu(x) and x.shape[1] * x.shape[3] >= _LARGE_FRAME and channels_last(x):
            return _TimeConv.apply(x, self.weight, bias, stride, self.padding, self.dilation)
        return F.conv2d(x, self.weight, bias, stride, self.padding, self.dilation, self.groups)
