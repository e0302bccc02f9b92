"""Graph convolution whose graph every channel refines for itself.

B = samples times persons, T frames, V joints, C channels, K adjacency subsets, R channels of the refinement.
"""

import torch
from torch import Tensor, nn

from pyskl.models.layers.fused_branches import conv_each
from pyskl.models.layers.weight_init import conv_init, norm_init

# Whose weights: which joint of the graph is summed over, and inputs so narrow that the refinement gets 8 channels.
_SUMS = {'pyskl': 'bkcvw,bkctv->bctw', 'original': 'bkcwv,bkctv->bctw'}
_NARROW = {'pyskl': range(17), 'original': {*range(8), 9}}  # the original gives fewer than 8, but for 3, no channel
VARIANTS = tuple(_SUMS)


class _Refinement(nn.Module):
    """The convolutions of one subset, as checkpoints hold them; :class:`CTRGC` computes all subsets at once."""

    def __init__(self, in_channels: int, out_channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1)
        self.conv2 = nn.Conv2d(in_channels, width, 1)
        self.conv3 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv4 = nn.Conv2d(width, out_channels, 1)


class CTRGC(nn.Module):
    """Channel-wise topology refinement: ``A + alpha * conv4(tanh(a_u - b_v))``, a matrix a channel.

    Source: CTR-GCN, https://arxiv.org/abs/2107.12213.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        A: ``(K, V, V)``, learned.
        variant: ``'pyskl'``: ``[k, v, w]`` weighs joint ``v`` into ``w``. ``'original'``: ``w`` into ``v``.
    """

    def __init__(self, in_channels: int, out_channels: int, A: Tensor, variant: str = 'pyskl') -> None:
        super().__init__()
        width = 8 if in_channels in _NARROW[variant] else in_channels // 8
        self.sum = _SUMS[variant]
        self.A = nn.Parameter(A.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList(_Refinement(in_channels, out_channels, width) for _ in A)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                conv_init(module)
        norm_init(self.bn, 1e-6)

    def graph(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, K, C_out, V, V)``."""
        subsets = len(self.convs)
        convs = [*(conv.conv1 for conv in self.convs), *(conv.conv2 for conv in self.convs)]
        joints = conv_each(x.mean(2, keepdim=True), convs)[:, :, 0].unflatten(1, (2, -1))  # (B, 2, K * R, V)
        differ = (joints[:, 0, :, :, None] - joints[:, 1, :, None]).tanh()  # (B, K * R, V, V)
        refined = conv_each(differ, (conv.conv4 for conv in self.convs), apart=True).unflatten(1, (subsets, -1))
        return self.alpha * refined + self.A[:, None]

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        values = conv_each(x, (conv.conv3 for conv in self.convs)).unflatten(1, (len(self.convs), -1))
        y = torch.einsum(self.sum, self.graph(x).to(values.dtype), values)
        return self.relu(self.bn(y) + self.down(x))
