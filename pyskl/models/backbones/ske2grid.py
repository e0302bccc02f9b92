"""Ske2Grid: turn skeletons into small images and convolve those.

Source: Cai, Kang, Yao, Chen, "Ske2Grid: Skeleton-to-Grid Representation Learning for Action Recognition", ICML 2023.

N samples, M persons, B = N * M, T frames, V joints, C channels, H x W the grid, S stages; n_0 = V, n_S = H * W.

Activations are stored as (B, T, H, W, C). This is both the channels-last image (B * T, C, H, W) of the spatial
convolution and the channels-last image (B, C, T, H * W) of the temporal one: two views, no copy.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.backbones.skeleton_to_grid import (
    STARTS,
    IndexTransform,
    grid_inside,
    grow_around,
    place_skeleton,
    upsampling_matrix,
)
from pyskl.models.graphs import build_adjacency, skeleton_matrix
from pyskl.models.layers.absent_persons import exporting, once_per_absent
from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.double_batch_norm import double_batch_norm
from pyskl.models.layers.temporal_conv import MultiScaleTCN
from pyskl.registry import MODELS, check_arguments
from pyskl.skeletons import get_skeleton


class GridConv(nn.Module):
    """Convolution over (H, W) per frame, then BatchNorm; with ``groups``, a 1x1 convolution between the two."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, groups: int = 1) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, groups=groups)
        self.mix = Conv2d(out_channels, out_channels, 1) if groups > 1 else nn.Identity()
        self.bn = BatchNorm2d(out_channels)


def pooled_shape(grid_shape: tuple[int, int]) -> tuple[int, int]:
    """Return (H, W) after averaging 2x2 cells; at an odd side, the last cells are single."""
    return -(-grid_shape[0] // 2), -(-grid_shape[1] // 2)


class GridBlock(nn.Module):
    """Convolution over the grid, convolution over time, residual.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        grid_shape: (H, W) of the input.
        kernel_size: Of the spatial convolution, odd.
        temporal_kernel_size: Of the temporal convolution, odd.
        stride: In time.
        dropout: Dropout rate after the temporal convolution.
        residual: Whether the input is added at the end.
        tcn: ``'conv'`` or ``'mstcn'``, see :class:`Ske2Grid`.
        groups: Of the spatial convolution.
        pool: Whether the grid is pooled before the convolution, see :func:`pooled_shape`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        grid_shape: tuple[int, int],
        kernel_size: int,
        temporal_kernel_size: int,
        stride: int,
        dropout: float,
        residual: bool,
        tcn: str = 'conv',
        groups: int = 1,
        pool: bool = False,
    ) -> None:
        super().__init__()
        self.in_shape = grid_shape
        self.pool = pool
        self.grid_shape = pooled_shape(grid_shape) if pool else grid_shape
        self.gcn2cn = GridConv(in_channels, out_channels, kernel_size, groups)
        self.multi_scale = tcn == 'mstcn'
        self.tcn2cn = (
            MultiScaleTCN(out_channels, out_channels, dropout=dropout, stride=stride)
            if self.multi_scale
            else nn.Sequential(
                BatchNorm2d(out_channels),
                nn.ReLU(inplace=True),
                Conv2d(
                    out_channels, out_channels, (temporal_kernel_size, 1), (stride, 1), (temporal_kernel_size // 2, 0)
                ),
                BatchNorm2d(out_channels),
                nn.Dropout(dropout, inplace=True),
            )
        )
        self.has_residual = residual
        self.residual = nn.Identity()
        if residual and (stride != 1 or in_channels != out_channels):
            self.residual = nn.Sequential(Conv2d(in_channels, out_channels, 1, (stride, 1)), BatchNorm2d(out_channels))
        self.relu = nn.ReLU(inplace=True)

    def extra_repr(self) -> str:
        return f'grid_shape={self.grid_shape}, pool={self.pool}, residual={self.has_residual}'

    def spatial(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute, per frame, the input of the residual and the input of the temporal convolutions.

        Args:
            x: ``(B, C_in, T, H * W)``, channels last.

        Returns:
            ``(B, C_in, T, H' * W')`` and ``(B, C_out, T, H' * W')``, channels last.
        """
        b, c, t, _ = x.shape
        frames = x.permute(0, 2, 3, 1).reshape(b * t, *self.in_shape, c).permute(0, 3, 1, 2)
        if self.pool:
            frames = F.avg_pool2d(frames, 2, ceil_mode=True, count_include_pad=False)
            x = frames.permute(0, 2, 3, 1).reshape(b, t, -1, c).permute(0, 3, 1, 2)
        y = self.gcn2cn.mix(self.gcn2cn.conv(frames))  # (B * T, C_out, H', W')
        y = y.permute(0, 2, 3, 1).reshape(b, t, -1, y.shape[1]).permute(0, 3, 1, 2)
        y = self.gcn2cn.bn(y) if self.multi_scale else double_batch_norm(y, self.gcn2cn.bn, self.tcn2cn[0])
        return x, self.relu(y)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, H * W) -> (B, C_out, T', H' * W')``, channels last."""
        x, y = self.spatial(x)
        if self.multi_scale:
            y = self.tcn2cn(y)
        else:
            _, _, conv, last_norm, dropout = self.tcn2cn
            y = dropout(last_norm(conv(y)))
        if self.has_residual:
            y = y.add_(self.residual(x))  # in place is legal: no backward reads a BatchNorm's output
        return self.relu(y)


@MODELS.register_module(name=['Ske2Grid', 'STGCN2CN_UpSmp_AutoEncode_Grid_Progressive'])
class Ske2Grid(nn.Module):
    """The network of the paper: D5 is grid 5x5 from ``[17]``, D6 is 6x6 from ``[17, 25]``, and so on.

    Args:
        graph_cfg: ``layout`` and ``mode`` as :func:`build_adjacency` takes them. The layout gives V and the links of
            the skeleton matrix; the adjacency itself is stored as ``A``, as in the released files, and not used.
        grid_shape: (H, W).
        progressive_joint_seq: ``[n_0, ..., n_{S-1}]``, starting at V (the default: V alone). All stages but the last
            are frozen.
        in_channels: Channels per joint.
        kernel_size: Of the spatial convolutions, odd.
        temporal_kernel_size: Of the temporal convolutions, odd.
        dropout: Dropout rate after the temporal convolutions, in every block but the first.
        base_channels: Channels of the first block.
        ch_ratio: Factor of the channels at each inflation.
        num_stages: Blocks.
        inflate_stages: Blocks, counted from 1, that multiply the channels by ``ch_ratio``.
        down_stages: Blocks, counted from 1, that halve the frames.
        tcn: ``'conv'``: one convolution over time, as published. ``'mstcn'``: ST-GCN++'s temporal module instead.
        groups: Groups of the spatial convolutions, each followed by a 1x1 convolution; not in the first block.
        git_init: Initial assignment of nodes to cells. ``'random'``: as published. ``'skeleton'``: in the first
            stage, neighbours on the skeleton are neighbours on the grid. ``'grow'``: the same, and each later stage
            is initialised with the previous grid in its corner and copies of the nearest cells around it. Each copy
            is multiplied by a learned gate, initially 0, because a plain copy would change the input of the
            convolutions at the border: a network grown by ``load_from`` computes the same as the smaller one.
        git_temperature: See :class:`IndexTransform`.
        pyramid: Whether the grid is pooled where the channels increase.

    Raises:
        ValueError: If the sequence does not lead from the skeleton to the grid, a kernel is even, or an option is
            unknown or conflicts with another.
    """

    shares_absent = True
    full_batch = ('data_bn',)  # see :func:`obstacle`

    def __init__(
        self,
        graph_cfg: dict,
        grid_shape: Sequence[int] = (5, 5),
        progressive_joint_seq: Sequence[int] | None = None,
        in_channels: int = 3,
        kernel_size: int = 3,
        temporal_kernel_size: int = 9,
        dropout: float = 0.0,
        base_channels: int = 64,
        ch_ratio: float = 2,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        tcn: str = 'conv',
        groups: int = 1,
        git_init: str = 'random',
        git_temperature: float | None = None,
        pyramid: bool = False,
    ) -> None:
        super().__init__()
        check_arguments(build_adjacency, graph_cfg, 'graph_cfg')
        skeleton = get_skeleton(graph_cfg.get('layout', 'coco'))
        self.num_joints = skeleton.num_joints
        self.in_channels = in_channels
        self.grid_shape = tuple(grid_shape)
        counts = [skeleton.num_joints] if progressive_joint_seq is None else list(progressive_joint_seq)
        _check_stages(self.grid_shape, counts, skeleton.num_joints, skeleton.name)
        for name, size in (('kernel_size', kernel_size), ('temporal_kernel_size', temporal_kernel_size)):
            if not isinstance(size, int) or size < 1 or size % 2 == 0:
                raise ValueError(f'backbone.{name} must be an odd positive integer, got {size!r}')
        counts.append(self.grid_shape[0] * self.grid_shape[1])
        _check_options(tcn, groups, base_channels, git_init, git_temperature, pyramid, len(counts) - 1)

        self.register_buffer('A', build_adjacency(**graph_cfg))
        self.register_buffer('skeleton_matrix', skeleton_matrix(skeleton), persistent=False)
        self.data_bn = nn.BatchNorm1d(skeleton.num_joints * in_channels)
        self.sampling_stages = nn.ParameterList(
            nn.Parameter(upsampling_matrix(n_out, n_in)) for n_in, n_out in zip(counts, counts[1:], strict=False)
        )
        orders: list[Sequence[int] | None] = [None] * len(self.sampling_stages)
        self.cell_gates = nn.ParameterDict()  # of the grown stages, by stage number
        if git_init != 'random':
            grown = git_init == 'grow'
            first_grid = self._grow(counts, orders) if grown else grid_inside(counts[1], self.grid_shape)
            orders[0] = place_skeleton(tuple(map(tuple, skeleton.edges)), first_grid)
        self.SGT_stages = nn.ModuleList(
            IndexTransform(n, git_temperature, order) for n, order in zip(counts[1:], orders, strict=True)
        )
        self.sampling_stages[:-1].requires_grad_(False)
        self.SGT_stages[:-1].requires_grad_(False)

        blocks: list[GridBlock] = []
        channels = in_channels
        for stage in range(1, num_stages + 1):
            width = int(base_channels * ch_ratio ** sum(2 <= s <= stage for s in inflate_stages) + 1e-4)
            first = stage == 1
            blocks.append(
                GridBlock(
                    channels, width, blocks[-1].grid_shape if blocks else self.grid_shape,
                    kernel_size, temporal_kernel_size, stride=2 if stage in down_stages else 1,
                    dropout=0.0 if first else dropout, residual=not first, tcn=tcn, groups=1 if first else groups,
                    pool=pyramid and not first and stage in inflate_stages,
                )
            )  # fmt: skip
            channels = width
        self.st_gcn_networks = nn.ModuleList(blocks)
        self._init_convolutions()
        self.to(memory_format=torch.channels_last)

    def _grow(self, counts: list[int], orders: list) -> tuple[int, int]:
        """Initialise every later stage as the previous grid, gated copies around it; return the first grid."""
        after = self.grid_shape
        for stage in reversed(range(1, len(orders))):
            before = grid_inside(counts[stage], after)
            upsampling, orders[stage], inside = grow_around(before, after)
            self.sampling_stages[stage].data.copy_(upsampling)
            self.cell_gates[str(stage)] = nn.Parameter(inside, requires_grad=stage == len(orders) - 1)
            self.register_buffer(f'inside_{stage}', inside.nonzero().flatten(), persistent=False)
            after = before
        return after

    def cell_gate(self) -> Tensor | None:
        """Return the weight of each cell of a grown grid, ``(H * W,)``; None if no stage was grown."""
        gate = None
        for stage in sorted(self.cell_gates.keys(), key=int):
            own = self.cell_gates[stage]
            if gate is not None:
                own = own * torch.ones_like(own).index_copy(0, getattr(self, f'inside_{stage}'), gate)
            gate = own
        return gate

    def extra_repr(self) -> str:
        return f'joints={self.num_joints}, in_channels={self.in_channels}, grid_shape={self.grid_shape}'

    def _init_convolutions(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
                nn.init.zeros_(module.bias)

    @staticmethod
    def stage_of(key: str) -> int | None:
        """Return the stage that a state-dict key of the backbone belongs to; None if it is not UPT, GIT or a gate."""
        kind, _, rest = key.partition('.')
        return int(rest.split('.')[0]) if kind in ('sampling_stages', 'SGT_stages', 'cell_gates') else None

    @torch.compiler.disable
    def refresh(self) -> None:
        """Update every permutation from its scores; on the CPU the only step of the network that reads their values.

        Skipped in export, where tensors have no values; the permutations are those of the last :meth:`eval`.
        """
        if exporting():
            return
        for permute in self.SGT_stages:
            permute.refresh()

    def grid_matrix(self) -> Tensor:
        """``P_{S-1} U_{S-1} ... P_0 U_0 B``, ``(H * W, V)``: share of each joint in each cell; see :meth:`refresh`."""
        matrix = self.skeleton_matrix
        for upsample, permute in zip(self.sampling_stages, self.SGT_stages, strict=True):
            matrix = permute(upsample @ matrix)
        return matrix

    def normalize(self, x: Tensor) -> Tensor:
        """Normalise ``(B, T, V, C)`` by ``data_bn``."""
        with torch.autocast(x.device.type, enabled=False):  # half precision would round the coordinates
            return self.data_bn(x.flatten(2).flatten(0, 1)).view(x.shape)

    def to_grid(self, x: Tensor) -> Tensor:
        """``(B, T, V, C)``, normalised, ``-> (B, C, T, H * W)``, channels last."""
        b, t, v, c = x.shape
        x = torch.einsum('gv,bvc->bgc', self.grid_matrix(), x.reshape(b * t, v, c))
        return x.reshape(b, t, -1, c).permute(0, 3, 1, 2)

    def encode(self, x: Tensor) -> Tensor:
        """``(B, T, V, C)``, normalised, ``-> (B, C', T', H * W)``."""
        with torch.autocast(x.device.type, enabled=False):  # half precision would round the coordinates
            x = self.to_grid(x)
        gate = self.cell_gate()
        if gate is None:
            for block in self.st_gcn_networks:
                x = block(x)
            return x
        x = x * gate
        for block in self.st_gcn_networks:
            x = block(x) * gate
        return x * (len(gate) / gate.sum().clamp(min=1))  # the head's mean becomes one weighted by gates

    def forward(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C) -> (N, M, C', T', H', W')``; H' x W' is the grid, pooled with ``pyramid``.

        Raises:
            ValueError: If V or C differs from the network's.
        """
        n, m = x.shape[:2]
        if x.ndim != 5 or x.shape[3:] != (self.num_joints, self.in_channels):
            raise ValueError(
                f'keypoint is {tuple(x.shape)}, (N, M, T, V, C); backbone.graph_cfg.layout has V={self.num_joints} '
                f'joints and backbone.in_channels is C={self.in_channels}'
            )
        self.refresh()
        persons = x.flatten(0, 1)
        y = once_per_absent(self, self.encode, self.normalize(persons), persons)
        return y.unflatten(3, self.st_gcn_networks[-1].grid_shape).unflatten(0, (n, m))


def _check_stages(grid_shape: tuple, counts: list, num_joints: int, layout: str) -> None:
    if len(grid_shape) != 2 or any(not isinstance(side, int) or side < 1 for side in grid_shape):
        raise ValueError(f'backbone.grid_shape must be two positive integers (H, W), got {grid_shape}')
    if not counts or any(not isinstance(count, int) for count in counts) or counts[0] != num_joints:
        raise ValueError(
            f"backbone.progressive_joint_seq must start with {num_joints}, the joints of '{layout}', got {counts}"
        )
    if sorted(counts) != counts:
        raise ValueError(f'backbone.progressive_joint_seq must not shrink, got {counts}; try {sorted(counts)}')
    cells = grid_shape[0] * grid_shape[1]
    if cells < counts[-1]:
        raise ValueError(
            f'backbone.grid_shape {grid_shape} has {cells} cells, fewer than the {counts[-1]} of the last '
            f'backbone.progressive_joint_seq {counts}; use a grid of {counts[-1]} cells or more'
        )


def _check_options(
    tcn: str, groups: int, base_channels: int, git_init: str, temperature: float | None, pyramid: bool, stages: int
) -> None:
    if tcn not in ('conv', 'mstcn'):
        raise ValueError(f"backbone.tcn must be 'conv' or 'mstcn', got {tcn!r}")
    if not isinstance(groups, int) or groups < 1 or base_channels % groups:
        raise ValueError(f'backbone.groups must divide backbone.base_channels {base_channels}, got {groups!r}')
    if git_init not in STARTS:
        raise ValueError(f'backbone.git_init must be one of {STARTS}, got {git_init!r}')
    if temperature is not None and not (isinstance(temperature, int | float) and temperature > 0):
        raise ValueError(f'backbone.git_temperature must be a positive number or None, got {temperature!r}')
    if pyramid and git_init == 'grow' and stages > 1:
        raise ValueError(
            "backbone.pyramid=True pools cells of the previous grid with those around it, so git_init='grow' cannot "
            "reproduce the smaller network; use git_init='skeleton'"
        )
