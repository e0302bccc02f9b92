"""CTR-GCN's and MS-G3D's temporal module: branches of different reach side by side.

B = samples times persons, T frames, V joints, C channels.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.fused_branches import cancel, conv_norm_each, norm_each, split_dense
from pyskl.models.layers.residual import add_to
from pyskl.models.layers.temporal_conv import UnitTCN
from pyskl.models.layers.time_pool import TimePool
from pyskl.models.layers.weight_init import conv_init, norm_init


class MultiBranchTCN(nn.Module):
    """Dilated convolutions, a maximum and a 1x1 convolution, concatenated; a residual; an activation.

    Sources: MS-G3D, https://arxiv.org/abs/2003.14111; CTR-GCN, https://arxiv.org/abs/2107.12213; PYSKL's ``MSTCN``.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; the last branch gets the remainder of an equal split.
        kernel_size: Frames of the dilated convolutions, or a sequence with one number for each.
        stride: In time.
        dilations: One per dilated convolution.
        residual: Whether the input is added.
        act: Whether a ReLU follows.
        dropout: Dropout rate at the end.

    Raises:
        ValueError: If a branch has no channel, or there are more or fewer kernels than dilations.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int] = 3,
        stride: int = 1,
        dilations: Sequence[int] = (1, 2, 3, 4),
        residual: bool = True,
        act: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        kernels = [kernel_size] * len(dilations) if isinstance(kernel_size, int) else list(kernel_size)
        if len(kernels) != len(dilations):
            raise ValueError(
                f'backbone.kernel_size {kernels} and backbone.dilations {list(dilations)} differ in length'
            )
        width = out_channels // (len(dilations) + 2)
        if width < 1:
            raise ValueError(
                f'backbone.dilations {list(dilations)} and two more branches are too many for {out_channels} channels'
            )
        rest = out_channels - width * (len(dilations) + 1)

        def enter() -> list[nn.Module]:
            return [Conv2d(in_channels, width, 1), BatchNorm2d(width), nn.ReLU(inplace=True)]

        self.branches = nn.ModuleList(
            nn.Sequential(*enter(), UnitTCN(width, width, kernel, stride, dilation))
            for kernel, dilation in zip(kernels, dilations, strict=True)
        )
        self.branches.append(nn.Sequential(*enter(), TimePool(3, stride), BatchNorm2d(width)))
        self.branches.append(nn.Sequential(Conv2d(in_channels, rest, 1, (stride, 1)), BatchNorm2d(rest)))
        self.widths = [width] * (len(dilations) + 1) + [rest]
        self.has_residual = residual
        self.residual = nn.Identity()
        if residual and (stride != 1 or in_channels != out_channels):
            self.residual = UnitTCN(in_channels, out_channels, kernel_size=1, stride=stride)
        self.act = nn.ReLU(inplace=True) if act else nn.Identity()
        self.drop = nn.Dropout(dropout)  # not in place: the ReLU before it needs its output in backward

    def extra_repr(self) -> str:
        return f'widths={self.widths}, residual={self.has_residual}'

    def init_weights(self, spread: float = 0.0) -> None:
        """CTR-GCN's initialisation; the weights of the norms are ``N(1, spread)``."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                conv_init(module)
            elif isinstance(module, nn.BatchNorm2d):
                norm_init(module)
                nn.init.normal_(module.weight, 1, spread)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, ceil(T / stride), V)``."""
        *entered, last = self.branches
        y = conv_norm_each(x, [branch[0] for branch in entered], [branch[1] for branch in entered], self.widths[:-1])
        *dilated, longest = split_dense(F.relu_(y), self.widths[:-1])
        *reaching, pooled = entered
        convs = [branch[3].conv for branch in reaching]
        norms = [*(branch[3].bn for branch in reaching), pooled[4], last[1]]
        biased, cancelled = {}, None
        if cancel(norms, [*convs, last[0]]):
            biased, bias = {'biased': False}, last[0].bias
            cancelled = torch.cat([*(conv.bias for conv in convs), bias.new_zeros(self.widths[-2]), bias])
        parts = [conv(part, **biased) for conv, part in zip(convs, dilated, strict=True)]
        y = torch.cat([*parts, pooled[3](longest), last[0](x, **biased)], dim=1)
        y = norm_each(y, norms, self.widths, cancelled)
        if self.has_residual:
            y = add_to(y, self.residual(x))
        return self.drop(self.act(y))
