"""Graph convolution over many distances at once, on one frame's joints or on those of a window of frames.

B = samples times persons, T frames, V joints, C channels, S distances, W frames of a window.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PointwiseMLP(nn.Module):
    """1x1 convolution, BatchNorm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        return self.layers(x)


class MSGCN(nn.Module):
    """The sums over the joints at each distance, mixed by a 1x1 convolution.

    Source: MS-G3D, https://arxiv.org/abs/2003.14111.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        A: ``(S, V, V)``; ``[s, v, w]`` weighs joint ``v`` into ``w``. A learned correction is added.
    """

    def __init__(self, in_channels: int, out_channels: int, A: Tensor) -> None:
        super().__init__()
        self.register_buffer('A', A.clone())
        self.PA = nn.Parameter(torch.empty_like(A).uniform_(-1e-6, 1e-6))
        self.mlp = PointwiseMLP(in_channels * len(A), out_channels)

    def scatter(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, S * C, T, V)``, channels last: one small matrix product a frame."""
        b, c, t, v = x.shape
        weight = (self.A + self.PA).permute(2, 0, 1).reshape(-1, v).to(x.dtype)  # (w, s), v
        rows = x.permute(0, 2, 3, 1).reshape(b * t, v, c)
        return torch.bmm(weight.expand(b * t, -1, -1), rows).view(b, t, v, -1).permute(0, 3, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        return self.mlp(self.scatter(x))


class UnfoldTime(nn.Module):
    """Windows of ``size`` frames, one every ``stride`` frames, each as one frame of ``size * V`` joints."""

    def __init__(self, size: int, stride: int) -> None:
        super().__init__()
        self.size = size
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C, T', W * V)``, channels last."""
        pad = (self.size - 1) // 2
        rows = F.pad(x.permute(0, 2, 3, 1), (0, 0, 0, 0, pad, pad))  # (B, T, V, C)
        rows = rows.unfold(1, self.size, self.stride)  # (B, T', V, C, W)
        return rows.permute(0, 1, 4, 2, 3).flatten(2, 3).permute(0, 3, 1, 2)


class G3D(nn.Module):
    """One window size: joints of all its frames meet, then its frames become one.

    Source: MS-G3D, https://arxiv.org/abs/2003.14111, its G3D module.

    Args:
        in_channels: Channels of the input.
        mid_channels: Channels of a window's frame.
        out_channels: Channels of the output.
        A: ``(S, W * V, W * V)``.
        size: W, odd.
        stride: In time.
    """

    def __init__(
        self, in_channels: int, mid_channels: int, out_channels: int, A: Tensor, size: int, stride: int
    ) -> None:
        super().__init__()
        self.size = size
        self.gcn3d = nn.Sequential(UnfoldTime(size, stride), MSGCN(in_channels, mid_channels, A))
        self.out_conv = nn.Conv3d(mid_channels, out_channels, (1, size, 1))
        self.out_bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V)``."""
        y = self.gcn3d(x).unflatten(3, (self.size, -1)).flatten(2, 3)  # (B, C, T' * W, V)
        # Windows lie one after the other, so a convolution that strides by one window is the 3D one.
        y = F.conv2d(y, self.out_conv.weight[:, :, 0], self.out_conv.bias, stride=(self.size, 1))
        return self.out_bn(y)
