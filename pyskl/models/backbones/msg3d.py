"""MS-G3D.

Source: https://arxiv.org/abs/2003.14111, as PYSKL builds it.

N samples, M persons, B = N * M, T frames, V joints, C channels, S distances.
"""

import numpy as np
import torch
from torch import Tensor, nn

from pyskl.models.graphs import build_adjacency, normalize_columns
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.multi_branch_tcn import MultiBranchTCN
from pyskl.models.layers.windowed_gcn import G3D, MSGCN
from pyskl.registry import MODELS, check_arguments

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
    """``(V, V) -> (size * V, size * V)``: a joint meets itself and its neighbours in every frame of a window."""
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
    """MS-G3D: three stages, each a path over distances and time, beside one over windows of space-time.

    Args:
        graph_cfg: Arguments of :func:`build_adjacency`, with ``mode='binary_adj'``.
        in_channels: Channels of a joint.
        base_channels: Channels of the first stage; the next ones double.
        num_gcn_scales: Distances on one frame.
        num_g3d_scales: Distances in a window.
        num_person: M; each person has a norm of its own.
        tcn_dropout: Rate behind each stage.
        pretrained: A checkpoint that the engine loads into the backbone; kept here, not read.

    Raises:
        ValueError: If the graph is of another mode, a number of distances is not a positive integer, or
            ``base_channels`` is below 6.
    """

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
