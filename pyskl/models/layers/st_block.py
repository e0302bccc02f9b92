"""The block of ST-GCN's descendants.

B = samples times persons, T frames, V joints, C channels.
"""

from torch import Tensor, nn

from pyskl.models.layers.residual import add_to
from pyskl.models.layers.temporal_conv import UnitTCN


class STBlock(nn.Module):
    """A unit over the graph, a unit over time, a residual: ``ReLU(tcn(gcn(x)) + residual(x))``.

    Source: ST-GCN, https://arxiv.org/abs/1801.07455.

    Args:
        gcn: ``(B, C_in, T, V) -> (B, C_out, T, V)``.
        tcn: ``(B, C_out, T, V) -> (B, C_out, T', V)``.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: That of ``tcn``.
        residual: Whether the input is added at the end.
    """

    def __init__(
        self, gcn: nn.Module, tcn: nn.Module, in_channels: int, out_channels: int, stride: int, residual: bool
    ) -> None:
        super().__init__()
        self.gcn = gcn
        self.tcn = tcn
        self.has_residual = residual
        self.residual = nn.Identity()
        if residual and (stride != 1 or in_channels != out_channels):
            self.residual = UnitTCN(in_channels, out_channels, kernel_size=1, stride=stride)
        self.relu = nn.ReLU(inplace=True)

    def extra_repr(self) -> str:
        return f'residual={self.has_residual}'

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V)``."""
        y = self.tcn(self.gcn(x))
        if self.has_residual:
            y = add_to(y, self.residual(x))
        return self.relu(y)
