"""X3D: a small network of depthwise convolutions, scaled by its gammas.

Sources: X3D, https://arxiv.org/abs/2004.04730; PoseC3D, https://arxiv.org/abs/2104.13586.

B = samples times views, C channels, T frames, H x W pixels.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.conv3d import ConvNorm3d, check_volume, hold, init_convolutions, per_stage
from pyskl.models.layers.residual import add_to
from pyskl.registry import MODELS


def round_width(width: int, factor: float | None) -> int:
    """``width * factor`` to a multiple of 8, at least 8 and nine tenths of it; ``width`` itself without a factor."""
    if not factor:
        return width
    wanted = width * factor
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * wanted else rounded


class SqueezeExcite(nn.Module):
    """Squeeze and excitation: channels weighted by gates computed from their means.

    Args:
        channels: C.
        ratio: Of the hidden channels.
    """

    def __init__(self, channels: int, ratio: float) -> None:
        super().__init__()
        hidden = round_width(channels, ratio)
        self.fc1 = nn.Conv3d(channels, hidden, 1)
        self.fc2 = nn.Conv3d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, H, W)`` -> same."""
        weight = self.fc2(F.relu(self.fc1(x.mean((2, 3, 4), keepdim=True))))
        return x * weight.sigmoid()


class X3DBlock(nn.Module):
    """A 1x1x1, a depthwise 3x3x3 and a 1x1x1 convolution, and a residual.

    Args:
        in_channels: Channels of the input.
        mid_channels: Channels inside.
        out_channels: Channels of the output.
        spatial_stride: Of the depthwise convolution.
        se_ratio: Ratio of the squeeze and excitation; None: without it.
        use_swish: Whether a swish follows the depthwise convolution.
    """

    def __init__(
        self,
        in_channels: int,
        mid_channels: int,
        out_channels: int,
        spatial_stride: int,
        se_ratio: float | None,
        use_swish: bool,
    ) -> None:
        super().__init__()
        stride = (1, spatial_stride, spatial_stride)
        self.downsample = nn.Identity()
        if spatial_stride != 1 or in_channels != out_channels:
            self.downsample = ConvNorm3d(in_channels, out_channels, 1, stride, act=False)
        self.conv1 = ConvNorm3d(in_channels, mid_channels, 1)
        self.conv2 = ConvNorm3d(mid_channels, mid_channels, 3, stride, groups=mid_channels, act=False)
        self.swish = nn.SiLU() if use_swish else nn.Identity()
        self.conv3 = ConvNorm3d(mid_channels, out_channels, 1, act=False)
        self.se_module = nn.Identity() if se_ratio is None else SqueezeExcite(mid_channels, se_ratio)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, H, W) -> (B, C_out, T, H', W')``."""
        y = self.swish(self.se_module(self.conv2(self.conv1(x))))
        return self.relu(add_to(self.conv3(y), self.downsample(x)))


@MODELS.register_module()
class X3D(nn.Module):
    """X3D; no layer strides in time.

    Args:
        gamma_w: Factor of all widths.
        gamma_b: Factor of the width inside blocks, and of the last convolution's.
        gamma_d: Factor of the number of blocks.
        pretrained: A checkpoint that the engine loads into the backbone; only stored here.
        in_channels: Channels of the input.
        base_channels: Channels of the stem, before ``gamma_w``.
        num_stages: 1 to 4.
        stage_blocks: Blocks of each stage before ``gamma_d``; those beyond ``num_stages`` are not read.
        spatial_strides: Of each stage; the same.
        frozen_stages: The stem (0) and the first stages (1 to 4) that are not trained; -1: none.
        se_style: Blocks with squeeze and excitation: ``'half'`` (every second one, from the first) or ``'all'``.
        se_ratio: Of its hidden channels; None: in no block.
        use_swish: Whether blocks have a swish inside.
        norm_eval: Whether BatchNorms use their running statistics in training.
        zero_init_residual: Whether each block starts as the identity.

    Raises:
        ValueError: If a value is unknown, or a list does not fit ``num_stages``.
    """

    def __init__(
        self,
        gamma_w: float = 1.0,
        gamma_b: float = 2.25,
        gamma_d: float = 2.2,
        pretrained: str | None = None,
        in_channels: int = 3,
        base_channels: int = 24,
        num_stages: int = 4,
        stage_blocks: Sequence[int] = (1, 2, 5, 3),
        spatial_strides: Sequence[int] = (2, 2, 2, 2),
        frozen_stages: int = -1,
        se_style: str = 'half',
        se_ratio: float | None = 1 / 16,
        use_swish: bool = True,
        norm_eval: bool = False,
        zero_init_residual: bool = True,
    ) -> None:
        super().__init__()
        if num_stages not in (1, 2, 3, 4):
            raise ValueError(f'backbone.num_stages must be 1 to 4, got {num_stages!r}')
        if se_style not in ('half', 'all'):
            raise ValueError(f"backbone.se_style must be 'half' or 'all', got {se_style!r}")
        if not -1 <= frozen_stages <= num_stages:
            raise ValueError(f'backbone.frozen_stages must be -1 to num_stages={num_stages}, got {frozen_stages!r}')
        counts = per_stage(stage_blocks[:num_stages], num_stages, 'stage_blocks')
        strides = per_stage(spatial_strides[:num_stages], num_stages, 'spatial_strides')
        base = round_width(base_channels, gamma_w)
        self.in_channels = in_channels
        self.pretrained = pretrained
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.num_stages = num_stages
        self.conv1_s = ConvNorm3d(in_channels, base, (1, 3, 3), (1, 2, 2), norm=False, act=False)
        self.conv1_t = ConvNorm3d(base, base, (5, 1, 1), groups=base)
        channels, last_norms = base, []
        for i, count in enumerate(counts):
            width = base * 2**i
            layers = []
            for j in range(math.ceil(count * gamma_d) if gamma_d else count):
                stride = strides[i] if j == 0 else 1
                ratio = se_ratio if se_style == 'all' or j % 2 == 0 else None
                layers.append(X3DBlock(channels, int(width * gamma_b), width, stride, ratio, use_swish))
                channels = width
            last_norms += [layer.conv3.bn for layer in layers]
            self.add_module(f'layer{i + 1}', nn.Sequential(*layers))
        self.conv5 = ConvNorm3d(channels, int(channels * gamma_b), 1)
        init_convolutions(self, last_norms if zero_init_residual else ())
        self.to(memory_format=torch.channels_last_3d)
        self.train()

    @property
    def stages(self) -> list[nn.Module]:
        """``layer1``, ``layer2``, ..."""
        return [getattr(self, f'layer{i + 1}') for i in range(self.num_stages)]

    def train(self, mode: bool = True) -> 'X3D':
        """Set the mode of all layers that are not frozen."""
        super().train(mode)
        frozen = [self.conv1_s, self.conv1_t, *self.stages[: self.frozen_stages]] if self.frozen_stages >= 0 else []
        hold(frozen, self if self.norm_eval else None)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, H, W) -> (B, C', T, H', W')``.

        Raises:
            ValueError: If the input does not have ``in_channels`` channels.
        """
        check_volume(x, self.in_channels)
        x = self.conv1_t(self.conv1_s(x.contiguous(memory_format=torch.channels_last_3d)))
        for stage in self.stages:
            x = stage(x)
        return self.conv5(x)
