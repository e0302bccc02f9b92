"""MS-G3D.

Source: https://arxiv.org/abs/2003.14111, as PYSKL builds it.

N samples, M persons, B = N * M, T frames, V joints, C channels, S distances, W frames of a window.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.graphs import build_adjacency, normalize_columns
from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.multi_branch_tcn import MultiBranchTCN
from pyskl.registry import MODELS, check_arguments


class PointwiseMLP(nn.Module):
    """1x1 convolution, BatchNorm, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Conv2d(in_channels, out_channels, 1), BatchNorm2d(out_channels), nn.ReLU(inplace=True)
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

    def extra_repr(self) -> str:
        return f'distances={len(self.A)}, joints={self.A.shape[1]}'

    def scatter(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, S * C, T, V)``, channels last: one small matrix product per frame."""
        b, c, t, v = x.shape
        weight = (self.A + self.PA).permute(2, 0, 1).reshape(-1, v).to(x.dtype)  # (w, s), v
        rows = x.permute(0, 2, 3, 1).reshape(b * t, v, c)
        return torch.bmm(weight.expand(b * t, -1, -1), rows).view(b, t, v, -1).permute(0, 3, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        return self.mlp(self.scatter(x))


class UnfoldTime(nn.Module):
    """Windows of ``size`` frames, one per ``stride`` frames, each as one frame of ``size * V`` joints."""

    def __init__(self, size: int, stride: int) -> None:
        super().__init__()
        self.size = size
        self.stride = stride

    def extra_repr(self) -> str:
        return f'size={self.size}, stride={self.stride}'

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C, T', W * V)``, channels last."""
        pad = (self.size - 1) // 2
        rows = F.pad(x.permute(0, 2, 3, 1), (0, 0, 0, 0, pad, pad))  # (B, T, V, C)
        rows = rows.unfold(1, self.size, self.stride)  # (B, T', V, C, W)
        return rows.permute(0, 1, 4, 2, 3).flatten(2, 3).permute(0, 3, 1, 2)


class G3D(nn.Module):
    """One window size: graph convolution over the joints of all its frames, which are then merged into one.

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
        self.out_bn = BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V)``."""
        y = self.gcn3d(x).unflatten(3, (self.size, -1)).flatten(2, 3)  # (B, C, T' * W, V)
        # Windows lie one after the other, so a convolution that strides by one window is the 3D one.
        y = F.conv2d(y, self.out_conv.weight[:, :, 0], self.out_conv.bias, stride=(self.size, 1))
        return self.out_bn(y)


WINDOWS = (3, 5)  # frames


def distances(links: Tensor, scales: int) -> Tensor:
    """``(V, V) -> (S, V, V)``: itself, then itself and the joints 1, 2, ... links away; columns normalised."""
    own = np.eye(len(links))
    step = (links.numpy() > 0) + own
    reached, subsets = own, [own]
    for _ in range(1, scales):
        further = (reached @ step > 0).astype(float)
        subsets.append(normalize_columns(np.maximum(further - reached, own)))
        reached = further
    return torch.tensor(np.stack(subsets), dtype=torch.float32)


def window_links(links: Tensor, size: int) -> Tensor:
    """``(V, V) -> (size * V, size * V)``: a joint is linked to itself and its neighbours in every frame of a window."""
    return (links + torch.eye(len(links))).tile(size, size)


class MultiWindowG3D(nn.Module):
    """A :class:`G3D` for each of ``WINDOWS``, summed.

    Args:
        in_channels: Channels of the input.
        mid_channels: Channels of a window's frame.
        out_channels: Channels of the output.
        links: ``(V, V)``.
        scales: S.
        stride: In time.
    """

    def __init__(
        self, in_channels: int, mid_channels: int, out_channels: int, links: Tensor, scales: int, stride: int
    ) -> None:
        super().__init__()
        self.gcn3d = nn.ModuleList(
            G3D(in_channels, mid_channels, out_channels, distances(window_links(links, size), scales), size, stride)
            for size in WINDOWS
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V)``."""
        first, second = self.gcn3d
        return first(x) + second(x)


@MODELS.register_module()
class MSG3D(GCNBackbone):
    """MS-G3D: three stages, each with a path over distances and time, and a parallel one over windows of space-time.

    Args:
        graph_cfg: Arguments of :func:`build_adjacency`, with ``mode='binary_adj'``.
        in_channels: Channels per joint.
        base_channels: Channels of the first stage; the next ones double.
        num_gcn_scales: Distances on one frame.
        num_g3d_scales: Distances in a window.
        num_person: M; each person has its own input norm.
        tcn_dropout: Dropout rate after each stage.
        pretrained: A checkpoint that the engine loads into the backbone; only stored here.

    Raises:
        ValueError: If the graph is of another mode, a number of distances is not a positive integer, or
            ``base_channels`` is below 6.
    """

    shares_absent = True

    def __init__(
        self,
        graph_cfg: dict,
        in_channels: int = 3,
        base_channels: int = 96,
        num_gcn_scales: int = 13,
        num_g3d_scales: int = 6,
        num_person: int = 2,
        tcn_dropout: float = 0.0,
        pretrained: str | None = None,
    ) -> None:
        check_arguments(build_adjacency, graph_cfg, 'graph_cfg')
        for name, value in (('num_gcn_scales', num_gcn_scales), ('num_g3d_scales', num_g3d_scales)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'backbone.{name} must be a positive integer, got {value!r}')
        if graph_cfg.get('mode') != 'binary_adj':
            raise ValueError(f"MSG3D needs graph_cfg.mode='binary_adj', got {graph_cfg.get('mode')!r}")
        A = build_adjacency(**graph_cfg)[0]
        super().__init__(len(A), in_channels, num_person, 'MVC')
        self.pretrained = pretrained
        self.register_buffer('A', A)
        spatial = distances(A, num_gcn_scales)

        def path(narrow: int, wide: int, stride: int) -> nn.Sequential:
            # The first stage widens in space already, the others in time.
            mid = wide if stride == 1 else narrow
            return nn.Sequential(
                MSGCN(narrow, mid, spatial),
                MultiBranchTCN(mid, wide, stride=stride),
                MultiBranchTCN(wide, wide, act=False),
            )

        one, two, three = (base_channels * factor for factor in (1, 2, 4))
        self.gcn3d1 = MultiWindowG3D(in_channels, one, one, A, num_g3d_scales, 1)
        self.sgcn1 = path(in_channels, one, 1)
        self.tcn1 = MultiBranchTCN(one, one, dropout=tcn_dropout)
        self.gcn3d2 = MultiWindowG3D(one, one, two, A, num_g3d_scales, 2)
        self.sgcn2 = path(one, two, 2)
        self.tcn2 = MultiBranchTCN(two, two, dropout=tcn_dropout)
        self.gcn3d3 = MultiWindowG3D(two, two, three, A, num_g3d_scales, 2)
        self.sgcn3 = path(two, three, 2)
        self.tcn3 = MultiBranchTCN(three, three, dropout=tcn_dropout)
        self.relu = nn.ReLU(inplace=True)

    def encode(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C', T', V)``."""
        x = self.tcn1(self.relu(self.sgcn1(x) + self.gcn3d1(x)))
        x = self.tcn2(self.relu(self.sgcn2(x) + self.gcn3d2(x)))
        return self.tcn3(self.relu(self.sgcn3(x) + self.gcn3d3(x)))
