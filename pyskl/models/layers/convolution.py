"""Convolutions whose stride along an axis of kernel 1 is a slice of the input.

Two reasons. The channels-last backward of a strided 1x1 convolution in oneDNN (torch 2.13, AVX2) writes past the end
of a buffer if it has fewer input channels than a vector register holds and the last row of maps is skipped by the
stride, which corrupts the heap; ``benchmarks/conv_overrun.py`` measures which kernels do. And for contiguous maps a
slice and an unstrided 1x1 convolution are two to three times as fast as the strided kernel.

B = samples times persons, T frames, V joints, H x W pixels, C channels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Every vector register and block of oneDNN divides it: such a convolution has no partly filled block to write.
_FULL_BLOCKS = 64


def _steps(conv: nn.Conv2d | nn.Conv3d) -> tuple[tuple, tuple[int, ...]]:
    """The index of the input that takes over strides, and the strides that remain."""
    axes = list(zip(conv.kernel_size, conv.stride, strict=True))
    index = (..., *(slice(None, None, stride if kernel == 1 else 1) for kernel, stride in axes))
    return index, tuple(1 if kernel == 1 else stride for kernel, stride in axes)


class Conv2d(nn.Conv2d):
    """``nn.Conv2d``, the same numbers, safe at any width; see the head of the file.

    Channels-last maps of a multiple of 64 channels keep the strided kernel, which is the faster one for them.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.index, self.remaining = _steps(self)
        self.always_slices = self.in_channels % _FULL_BLOCKS != 0

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V')``."""
        if self.remaining == self.stride:
            return super().forward(x)
        if not self.always_slices and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last):
            return super().forward(x)
        x = x[self.index]
        return F.conv2d(x, self.weight, self.bias, self.remaining, self.padding, self.dilation, self.groups)


class Conv3d(nn.Conv3d):
    """``nn.Conv3d``, the same numbers, safe at any width; see the head of the file."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.index, self.remaining = _steps(self)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, H, W) -> (B, C_out, T', H', W')``."""
        if self.remaining == self.stride:
            return super().forward(x)
        lies_last = x.is_contiguous(memory_format=torch.channels_last_3d) and not x.is_contiguous()
        x = x[self.index]
        if lies_last:  # a slice of it would pass for channels first
            x = x.contiguous(memory_format=torch.channels_last_3d)
        return F.conv3d(x, self.weight, self.bias, self.remaining, self.padding, self.dilation, self.groups)
