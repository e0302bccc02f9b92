"""Building blocks of the 3D convolutional networks.

B = samples times views, C channels, T frames, H x W pixels.
"""

from collections.abc import Iterable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.convolution import channels_last, on_cpu
from pyskl.models.layers.convolution3d import Conv3d, as_images, from_images

Size = int | tuple[int, int, int]


class ConvNorm3d(nn.Module):
    """Convolution, BatchNorm, ReLU, as in mmcv's ``ConvModule``: children ``conv`` and ``bn``.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: (time, height, width), or one number; padded to keep the size at stride 1.
        stride: The same.
        groups: Of the convolution.
        norm: Whether a BatchNorm follows; the convolution never has a bias.
        act: Whether a ReLU follows.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        groups: int = 1,
        norm: bool = True,
        act: bool = True,
    ) -> None:
        super().__init__()
        kernel = (kernel_size,) * 3 if isinstance(kernel_size, int) else kernel_size
        padding = tuple((k - 1) // 2 for k in kernel)
        self.conv = Conv3d(in_channels, out_channels, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm3d(out_channels) if norm else nn.Identity()
        self.act = nn.ReLU(inplace=True) if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, H, W) -> (B, C_out, T', H', W')``."""
        return self.act(self.bn(self.conv(x)))


class AvgPool3d(nn.AvgPool3d):
    """``nn.AvgPool3d``, the same results; on a CPU channels-last maps, which torch copies, are pooled per image."""

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, H, W) -> (B, C, T', H', W')``."""
        if not (channels_last(x) and on_cpu(x)):
            return super().forward(x)
        size = self.kernel_size
        time, *space = (size,) * 3 if isinstance(size, int) else size
        y = from_images(F.avg_pool2d(as_images(x), space), len(x))
        if time == 1:
            return y
        frames = y.movedim(1, -1)[:, : y.shape[2] // time * time]
        return frames.unflatten(1, (-1, time)).mean(2).movedim(-1, 1)


def init_convolutions(module: nn.Module, last_norms: Iterable[nn.Module] = ()) -> None:
    """Initialise every Conv3d in ``module``: N(0, 2 / fan_out), biases 0.

    Args:
        module: The network; changed.
        last_norms: BatchNorms that start with weight 0, so that their residual blocks start as the identity.
    """
    for each in module.modules():
        if isinstance(each, nn.Conv3d):
            nn.init.kaiming_normal_(each.weight, mode='fan_out', nonlinearity='relu')
            if each.bias is not None:
                nn.init.zeros_(each.bias)
    for norm in last_norms:
        nn.init.zeros_(norm.weight)
        nn.init.zeros_(norm.bias)


def hold(frozen: Iterable[nn.Module], norms_of: nn.Module | None) -> None:
    """Set ``frozen`` to eval mode without gradients, and every BatchNorm in ``norms_of`` to eval mode."""
    for module in frozen:
        module.eval().requires_grad_(False)
    for each in norms_of.modules() if norms_of is not None else ():
        if isinstance(each, nn.BatchNorm3d):
            each.eval()


def per_stage(value: int | Sequence, num_stages: int, name: str) -> tuple:
    """One item per stage.

    Raises:
        ValueError: If there are not ``num_stages``; ``name`` is the config key.
    """
    items = (value,) * num_stages if isinstance(value, int) else tuple(value)
    if len(items) != num_stages:
        raise ValueError(
            f'backbone.{name} must have one item for each of num_stages={num_stages} stages, got {value!r}'
        )
    return items


def check_volume(x: Tensor, in_channels: int) -> None:
    """Check that ``x`` is ``(B, in_channels, T, H, W)``.

    Raises:
        ValueError: If it is not; names the shape and ``backbone.in_channels``.
    """
    if x.ndim != 5 or x.shape[1] != in_channels:
        raise ValueError(
            f'imgs hold {tuple(x.shape)}, (B, C, T, H, W); backbone.in_channels is C={in_channels}: the channels of '
            'GeneratePoseTarget, joints or limbs'
        )
