"""C3D without its fully connected layers.

Sources: C3D, https://arxiv.org/abs/1412.0767; PoseC3D, https://arxiv.org/abs/2104.13586.

B = samples times views, C channels, T frames, H x W pixels.
"""

import torch
from torch import Tensor, nn

from pyskl.models.layers.conv3d import AvgPool3d, ConvNorm3d, check_volume, init_convolutions
from pyskl.registry import MODELS


@MODELS.register_module()
class C3D(nn.Module):
    """Eight 3x3x3 convolutions, six with three stages, and average pools between them.

    Args:
        in_channels: Channels of the input.
        base_channels: Channels of the first convolution.
        num_stages: 3 or 4.
        temporal_downsample: Whether the pools after the first one halve the frames too.
        pretrained: A checkpoint that the engine loads into the backbone; only stored here.

    Raises:
        ValueError: If ``num_stages`` is neither 3 nor 4.
    """

    def __init__(
        self,
        in_channels: int = 3,
        base_channels: int = 64,
        num_stages: int = 4,
        temporal_downsample: bool = True,
        pretrained: str | None = None,
    ) -> None:
        super().__init__()
        if num_stages not in (3, 4):
            raise ValueError(f'backbone.num_stages of C3D must be 3 or 4, got {num_stages!r}')
        pool = 2 if temporal_downsample else (1, 2, 2)
        b = base_channels
        self.in_channels = in_channels
        self.pretrained = pretrained
        self.conv1a = ConvNorm3d(in_channels, b, 3)
        self.pool1 = AvgPool3d((1, 2, 2))
        self.conv2a = ConvNorm3d(b, b * 2, 3)
        self.pool2 = AvgPool3d(pool)
        self.conv3a = ConvNorm3d(b * 2, b * 4, 3)
        self.conv3b = ConvNorm3d(b * 4, b * 4, 3)
        self.pool3 = AvgPool3d(pool)
        self.conv4a = ConvNorm3d(b * 4, b * 8, 3)
        self.conv4b = ConvNorm3d(b * 8, b * 8, 3)
        self.has_stage4 = num_stages == 4
        if self.has_stage4:
            self.pool4 = AvgPool3d(pool)
            self.conv5a = ConvNorm3d(b * 8, b * 8, 3)
            self.conv5b = ConvNorm3d(b * 8, b * 8, 3)
        init_convolutions(self)
        self.to(memory_format=torch.channels_last_3d)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, H, W) -> (B, 8 * base_channels, T', H', W')``.

        Raises:
            ValueError: If the input does not have ``in_channels`` channels.
        """
        check_volume(x, self.in_channels)
        x = self.pool1(self.conv1a(x.contiguous(memory_format=torch.channels_last_3d)))
        x = self.pool2(self.conv2a(x))
        x = self.pool3(self.conv3b(self.conv3a(x)))
        x = self.conv4b(self.conv4a(x))
        return self.conv5b(self.conv5a(self.pool4(x))) if self.has_stage4 else x
