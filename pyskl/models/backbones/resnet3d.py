"""ResNets in space and time, and PoseC3D's: SlowOnly on heatmaps.

Sources: SlowFast, https://arxiv.org/abs/1812.03982; PoseC3D, https://arxiv.org/abs/2104.13586.

B = samples times views, C channels, T frames, H x W pixels.
"""

import warnings
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.conv3d import ConvNorm3d, check_volume, hold, init_convolutions, per_stage
from pyskl.models.layers.convolution3d import as_images, from_images
from pyskl.models.layers.residual import add_to
from pyskl.registry import MODELS

Stride = tuple[int, int, int]


class BasicBlock3d(nn.Module):
    """Two 3x3 convolutions, over time too where ``inflate``, and a residual.

    Args:
        in_channels: Channels of the input.
        planes: Channels of the output.
        stride: (time, height, width).
        inflate: Whether the convolutions reach over time.
        style: ``'3x3x3'``.
        downsample: Projection of the residual, or None.
    """

    expansion = 1

    def __init__(
        self, in_channels: int, planes: int, stride: Stride, inflate: bool, style: str, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        if style != '3x3x3':
            raise ValueError(f"backbone.inflate_style must be '3x3x3' for depths 18 and 34, got {style!r}")
        kernel = (3, 3, 3) if inflate else (1, 3, 3)
        self.conv1 = ConvNorm3d(in_channels, planes, kernel, stride)
        self.conv2 = ConvNorm3d(planes, planes, kernel, act=False)
        self.downsample = downsample or nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    @property
    def last_norm(self) -> nn.Module:
        """The BatchNorm in front of the addition."""
        return self.conv2.bn

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, H, W) -> (B, planes, T', H', W')``."""
        return self.relu(add_to(self.conv2(self.conv1(x)), self.downsample(x)))


class Bottleneck3d(nn.Module):
    """A 1x1, a 3x3 and a 1x1 convolution, of which one reaches over time where ``inflate``, and a residual.

    Args:
        in_channels: Channels of the input.
        planes: Channels inside; the output has four times as many.
        stride: (time, height, width), of the second convolution.
        inflate: Whether a convolution reaches over time.
        style: ``'3x1x1'``: the first; ``'3x3x3'``: the second.
        downsample: Projection of the residual, or None.
    """

    expansion = 4

    def __init__(
        self, in_channels: int, planes: int, stride: Stride, inflate: bool, style: str, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        first = (3, 1, 1) if inflate and style == '3x1x1' else 1
        second = (3, 3, 3) if inflate and style == '3x3x3' else (1, 3, 3)
        self.conv1 = ConvNorm3d(in_channels, planes, first)
        self.conv2 = ConvNorm3d(planes, planes, second, stride)
        self.conv3 = ConvNorm3d(planes, planes * self.expansion, 1, act=False)
        self.downsample = downsample or nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    @property
    def last_norm(self) -> nn.Module:
        """The BatchNorm in front of the addition."""
        return self.conv3.bn

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, H, W) -> (B, 4 * planes, T', H', W')``."""
        return self.relu(add_to(self.conv3(self.conv2(self.conv1(x))), self.downsample(x)))


DEPTHS = {
    18: (BasicBlock3d, (2, 2, 2, 2)),
    34: (BasicBlock3d, (3, 4, 6, 3)),
    50: (Bottleneck3d, (3, 4, 6, 3)),
    101: (Bottleneck3d, (3, 4, 23, 3)),
    152: (Bottleneck3d, (3, 8, 36, 3)),
}


def _downsample(in_channels: int, out_channels: int, stride: Stride, advanced: bool) -> nn.Module | None:
    """Projection of a block's input to the size of its output, or None if they are equal.

    Raises:
        ValueError: If only time is strided, for which published networks have no layer.
    """
    if stride[1] == 1 and in_channels == out_channels:
        if stride[0] != 1:
            raise ValueError(
                'backbone.temporal_strides: a stage that halves the frames must also stride in space or widen, got '
                f'temporal stride {stride[0]}, spatial stride 1 and {in_channels} channels before and after'
            )
        return None
    if not advanced:
        return ConvNorm3d(in_channels, out_channels, 1, stride, act=False)
    pool = nn.AvgPool3d(stride, stride, ceil_mode=True)
    return nn.Sequential(ConvNorm3d(in_channels, out_channels, 1, act=False), pool)


@MODELS.register_module()
class ResNet3d(nn.Module):
    """A ResNet whose convolutions extend over time in the blocks selected by ``inflate``.

    Every argument of several numbers takes a list as well as a tuple; strides of two numbers are (time, space).

    Args:
        depth: 18, 34, 50, 101 or 152.
        stage_blocks: Blocks of each stage; None: those of ``depth``.
        pretrained: A checkpoint that the engine loads into the backbone; only stored here.
        pretrained2d: Whether that is a 2D ResNet's, see :meth:`inflate_2d`.
        in_channels: Channels of the input.
        base_channels: Channels of the stem.
        num_stages: 1 to 4.
        out_indices: Stages, from 0, whose maps are returned.
        spatial_strides: Of each stage.
        temporal_strides: Of each stage.
        conv1_kernel: Of the stem, (time, height, width).
        conv1_stride: Of the stem.
        pool1_stride: Of the pool after it, which is present at any stride.
        inflate: For each stage 0 or 1, or a list of them, one per block.
        inflate_style: ``'3x1x1'`` or ``'3x3x3'``.
        advanced: Whether residuals are downsampled by an average instead of a stride.
        frozen_stages: The stem (0) and the first stages (1 to 4) that are not trained; -1: none.
        norm_eval: Whether BatchNorms use their running statistics in training.
        zero_init_residual: Whether each block starts as the identity.

    Raises:
        ValueError: If a value is unknown, or a list does not fit ``num_stages``.
    """

    def __init__(
        self,
        depth: int = 50,
        stage_blocks: Sequence[int] | None = None,
        pretrained: str | None = None,
        pretrained2d: bool = True,
        in_channels: int = 3,
        base_channels: int = 64,
        num_stages: int = 4,
        out_indices: Sequence[int] = (3,),
        spatial_strides: Sequence[int] = (1, 2, 2, 2),
        temporal_strides: Sequence[int] = (1, 1, 1, 1),
        conv1_kernel: Sequence[int] = (3, 7, 7),
        conv1_stride: Sequence[int] = (1, 2),
        pool1_stride: Sequence[int] = (1, 2),
        advanced: bool = False,
        frozen_stages: int = -1,
        inflate: int | Sequence = (1, 1, 1, 1),
        inflate_style: str = '3x1x1',
        norm_eval: bool = False,
        zero_init_residual: bool = True,
    ) -> None:
        super().__init__()
        if depth not in DEPTHS:
            raise ValueError(f'backbone.depth must be one of {sorted(DEPTHS)}, got {depth!r}')
        if num_stages not in (1, 2, 3, 4):
            raise ValueError(f'backbone.num_stages must be 1 to 4, got {num_stages!r}')
        if not out_indices or not all(0 <= index < num_stages for index in out_indices):
            raise ValueError(f'backbone.out_indices must be below num_stages={num_stages}, got {out_indices!r}')
        if inflate_style not in ('3x1x1', '3x3x3'):
            raise ValueError(f"backbone.inflate_style must be '3x1x1' or '3x3x3', got {inflate_style!r}")
        if not -1 <= frozen_stages <= num_stages:
            raise ValueError(f'backbone.frozen_stages must be -1 to num_stages={num_stages}, got {frozen_stages!r}')
        block, default_blocks = DEPTHS[depth]
        blocks = default_blocks[:num_stages] if stage_blocks is None else stage_blocks
        blocks = per_stage(blocks, num_stages, 'stage_blocks')
        spatial = per_stage(spatial_strides, num_stages, 'spatial_strides')
        temporal = per_stage(temporal_strides, num_stages, 'temporal_strides')
        inflate = per_stage(inflate, num_stages, 'inflate')
        self.in_channels = in_channels
        self.pretrained = pretrained
        self.pretrained2d = pretrained2d
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval

        time, space = conv1_stride
        self.conv1 = ConvNorm3d(in_channels, base_channels, tuple(conv1_kernel), (time, space, space))
        time, space = pool1_stride
        self.maxpool = nn.MaxPool3d((1, 3, 3), (time, space, space), (0, 1, 1))
        self.num_stages = num_stages
        channels = base_channels
        for i, count in enumerate(blocks):
            planes = base_channels * 2**i
            width = planes * block.expansion
            inflated = _per_block(inflate[i], count)
            layers = []
            for j in range(count):
                stride = (temporal[i], spatial[i], spatial[i]) if j == 0 else (1, 1, 1)
                downsample = _downsample(channels, width, stride, advanced)
                layers.append(block(channels, planes, stride, inflated[j], inflate_style, downsample))
                channels = width
            self.add_module(f'layer{i + 1}', nn.Sequential(*layers))
        residual = [layer.last_norm for stage in self.stages for layer in stage] if zero_init_residual else ()
        init_convolutions(self, residual)
        self.to(memory_format=torch.channels_last_3d)
        self.train()

    @property
    def stages(self) -> list[nn.Module]:
        """``layer1``, ``layer2``, ..."""
        return [getattr(self, f'layer{i + 1}') for i in range(self.num_stages)]

    def train(self, mode: bool = True) -> 'ResNet3d':
        """Set the mode of all layers that are not frozen."""
        super().train(mode)
        frozen = [self.conv1, *self.stages[: self.frozen_stages]] if self.frozen_stages >= 0 else []
        hold(frozen, self if self.norm_eval else None)
        return self

    def pool(self, x: Tensor) -> Tensor:
        """``(B, C, T, H, W) -> (B, C, T', H', W')``: ``maxpool``, on a CPU image by image with the channels last."""
        time, *space = self.maxpool.stride
        if x.device.type != 'cpu' or time != 1 or torch.compiler.is_compiling():
            return self.maxpool(x)
        images = as_images(x.contiguous(memory_format=torch.channels_last_3d))
        return from_images(F.max_pool2d(images, 3, space, 1), len(x))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, ...]:
        """``(B, C, T, H, W) -> (B, C', T', H', W')``, or a tuple of several ``out_indices``.

        Raises:
            ValueError: If the input does not have ``in_channels`` channels.
        """
        check_volume(x, self.in_channels)
        x = self.pool(self.conv1(x.contiguous(memory_format=torch.channels_last_3d)))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        out = tuple(maps[index] for index in self.out_indices)
        return out[0] if len(out) == 1 else out

    def inflate_2d(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Inflate the weights of a 2D ResNet: kernels are repeated over time and divided by their length.

        Args:
            weights: State of a 2D ResNet with torchvision's names.

        Returns:
            The weights whose name and shape fit, by this backbone's names. A warning lists those whose shape does not
            fit, such as a stem with other channels.
        """
        inflated, mismatches = {}, []
        for key, value in self.state_dict().items():
            source = _name_2d(key)
            if source not in weights:
                continue
            weight = weights[source]
            if weight.ndim == 4 and value.ndim == 5:
                weight = weight[:, :, None].expand(-1, -1, value.shape[2], -1, -1) / value.shape[2]
            if weight.shape == value.shape:
                inflated[key] = weight.to(value.dtype)
            else:
                mismatches.append(f'{key} {tuple(value.shape)} from {tuple(weights[source].shape)}')
        if mismatches:
            warnings.warn(f'not taken from the 2D checkpoint, shapes differ: {"; ".join(mismatches)}')
        return inflated


def _per_block(inflate: int | Sequence[int], count: int) -> tuple[bool, ...]:
    items = (inflate,) * count if isinstance(inflate, int) else tuple(inflate)
    if len(items) != count:
        raise ValueError(f'backbone.inflate of a stage must be 0, 1 or one of them for each of {count} blocks: {items}')
    return tuple(map(bool, items))


def _name_2d(key: str) -> str:
    """torchvision's name of ``X.convN.conv.weight``, ``X.convN.bn.*``, ``X.downsample.conv.weight`` and the like."""
    *path, layer, part, value = f'.{key}'.split('.')
    if layer == 'downsample':
        layer, part = 'downsample', '0' if part == 'conv' else '1'
        return '.'.join([*path[1:], layer, part, value])
    return '.'.join([*path[1:], layer if part == 'conv' else layer.replace('conv', 'bn'), value])


@MODELS.register_module()
class ResNet3dSlowOnly(ResNet3d):
    """A :class:`ResNet3d` whose kernels extend over time in the last stages only; see there for the arguments."""

    def __init__(
        self,
        depth: int = 50,
        stage_blocks: Sequence[int] | None = None,
        pretrained: str | None = None,
        pretrained2d: bool = True,
        in_channels: int = 3,
        base_channels: int = 64,
        num_stages: int = 4,
        out_indices: Sequence[int] = (3,),
        spatial_strides: Sequence[int] = (1, 2, 2, 2),
        temporal_strides: Sequence[int] = (1, 1, 1, 1),
        conv1_kernel: Sequence[int] = (1, 7, 7),
        conv1_stride: Sequence[int] = (1, 2),
        pool1_stride: Sequence[int] = (1, 2),
        advanced: bool = False,
        frozen_stages: int = -1,
        inflate: int | Sequence = (0, 0, 1, 1),
        inflate_style: str = '3x1x1',
        norm_eval: bool = False,
        zero_init_residual: bool = True,
    ) -> None:
        super().__init__(
            depth, stage_blocks, pretrained, pretrained2d, in_channels, base_channels, num_stages, out_indices,
            spatial_strides, temporal_strides, conv1_kernel, conv1_stride, pool1_stride, advanced, frozen_stages,
            inflate, inflate_style, norm_eval, zero_init_residual,
        )  # fmt: skip
