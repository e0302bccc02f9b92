"""ST-GCN++'s temporal module with a further joint, the mean of all.

B = samples times persons, T frames, V joints, C channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyskl.models.layers.temporal_conv import MultiScaleTCN


class DGTCN(MultiScaleTCN):
    """DG-TCN: the branches see the mean joint too, and each joint gets a learned share of what they make of it.

    Source: DG-STGCN, https://arxiv.org/abs/2210.05895, its ``dgmstcn``.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: As in :class:`MultiScaleTCN`.
        num_joints: Shares that the module holds, at least V.
        dropout: Rate at the end.
        ms_cfg: As in :class:`MultiScaleTCN`.
        stride: In time.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        mid_channels: float | None = None,
        num_joints: int = 25,
        dropout: float = 0.0,
        ms_cfg: Sequence = ((3, 1), (3, 2), (3, 3), (3, 4), ('max', 3), '1x1'),
        stride: int = 1,
    ) -> None:
        super().__init__(in_channels, out_channels, mid_channels, dropout, ms_cfg, stride)
        self.add_coeff = nn.Parameter(torch.zeros(num_joints))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, ceil(T / stride), V)``."""
        joints = x.shape[3]
        x = self.branch_outputs(torch.cat([x, x.mean(3, keepdim=True)], dim=3))
        x, mean = x.split([joints, 1], 3)
        x = torch.addcmul(x, mean, self.add_coeff[:joints].to(x.dtype))
        return self.drop(self.bn(self.transform(x)))
