"""Ske2Grid: a skeleton becomes a small image, and images are convolved.

Source: Cai, Kang, Yao, Chen, "Ske2Grid: Skeleton-to-Grid Representation Learning for Action Recognition", ICML 2023.

N samples, M persons, B = N * M, T frames, V joints, C channels, H x W the grid, S stages; n_0 = V, n_S = H * W.

Activations lie in memory as (B, T, H, W, C). That is at once the channels-last image (B * T, C, H, W) of the spatial
convolution and the channels-last image (B, C, T, H * W) of the temporal one: two views, no copy.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from pyskl.models.graphs import build_adjacency, skeleton_matrix
from pyskl.models.layers.norm_twice import norm_twice
from pyskl.models.layers.persons import exporting, once_per_absent
from pyskl.registry import MODELS, check_arguments
from pyskl.skeletons import get_skeleton


def greedy_assignment(scores: np.ndarray) -> np.ndarray:
    """``(n, n) -> (n,)``: row by row, the column of the largest entry that no earlier row took."""
    free = np.arange(len(scores))
    columns = np.empty(len(scores), dtype=np.int64)
    for row, score in enumerate(scores):
        best = score[free].argmax()
        columns[row] = free[best]
        free = np.delete(free, best)
    return columns


class IndexTransform(nn.Module):
    """GIT: a permutation of ``n`` cells, read off a score matrix; its gradient goes straight through to the scores.

    The permutation is a fact of the scores, so it is found when they change (once an optimizer step for a trained
    stage, once for ever for a frozen one) and never otherwise. ``index_sel``, the column that each row took, agrees
    with them in every forward, after loading and in every saved file; what a loaded file says of it is not trusted,
    since the released code saved the one of a step before.

    Args:
        num_cells: ``n``.
    """

    def __init__(self, num_cells: int) -> None:
        super().__init__()
        self.sgt_trans_mat = nn.Parameter(torch.rand(num_cells, num_cells))
        self.register_buffer('index_sel', torch.zeros(num_cells))  # float in the released files
        self._mark = None  # address and version of the scores when last looked at
        self._scores = None  # the scores that index_sel was found from, on the host
        self.register_load_state_dict_post_hook(IndexTransform._after_loading)
        self.register_state_dict_pre_hook(IndexTransform._before_saving)
        self.refresh()

    @staticmethod
    def _after_loading(module: 'IndexTransform', incompatible_keys: object) -> None:
        module.refresh(force=True)

    @staticmethod
    def _before_saving(module: 'IndexTransform', prefix: str, keep_vars: bool) -> None:
        module.refresh(force=True)

    def __getstate__(self) -> dict:
        return {**self.__dict__, '_mark': None, '_scores': None}

    def train(self, mode: bool = True) -> 'IndexTransform':
        """As nn.Module's, and a look at the scores: weight averaging writes them in ways that leave no mark."""
        super().train(mode)
        self.refresh(force=True)
        return self

    @torch.no_grad()
    def refresh(self, force: bool = False) -> None:
        """Bring ``index_sel`` up to the scores: one copy to the host, and one back if the order changed.

        In training a trained stage always looks (a fused optimizer leaves no mark either); else only a mark counts.
        """
        scores = self.sgt_trans_mat
        if scores.is_meta:
            return
        mark = (scores.data_ptr(), None if scores.is_inference() else scores._version)
        trained = self.training and scores.requires_grad
        if mark == self._mark and not trained and not force:
            return
        self._mark = mark
        host = scores.detach().cpu().double().numpy().copy()
        if force or self._scores is None or not np.array_equal(host, self._scores):
            self._scores = host
            self.index_sel.copy_(torch.from_numpy(greedy_assignment(host)))

    def forward(self, x: Tensor) -> Tensor:
        """``(n, m) -> (n, m)``: ``P @ x``; expects :meth:`refresh` to have been called."""
        columns = self.index_sel.long()
        if not self.sgt_trans_mat.requires_grad:
            return x[columns]
        scores = self.sgt_trans_mat
        one_hot = torch.zeros_like(scores).scatter(1, columns[:, None], 1.0)
        return (one_hot + (scores - scores.detach())) @ x  # the bracket is zero, and its gradient is one


def upsampling_matrix(num_out: int, num_in: int) -> Tensor:
    """UPT at the start, ``(num_out, num_in)``: each old node as it is, each new one a random convex mix of them."""
    return torch.cat([torch.eye(num_in), torch.rand(num_out - num_in, num_in).softmax(1)])


class GridConv(nn.Module):
    """A convolution over (H, W), each frame alone, and its BatchNorm."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2)
        self.bn = nn.BatchNorm2d(out_channels)


class GridBlock(nn.Module):
    """Convolution over the grid, convolution over time, residual.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        grid_shape: (H, W).
        kernel_size: Of the spatial convolution, odd.
        temporal_kernel_size: Of the temporal convolution, odd.
        stride: In time.
        dropout: Rate behind the temporal convolution.
        residual: Whether the input is added at the end.
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
    ) -> None:
        super().__init__()
        self.grid_shape = grid_shape
        self.gcn2cn = GridConv(in_channels, out_channels, kernel_size)
        self.tcn2cn = nn.Sequential(
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(
                out_channels, out_channels, (temporal_kernel_size, 1), (stride, 1), (temporal_kernel_size // 2, 0)
            ),
            nn.BatchNorm2d(out_channels),
            nn.Dropout(dropout, inplace=True),
        )
        self.has_residual = residual
        self.residual = nn.Identity()
        if residual and (stride != 1 or in_channels != out_channels):
            self.residual = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, (stride, 1)), nn.BatchNorm2d(out_channels)
            )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, H * W) -> (B, C_out, T', H * W)``, channels last."""
        b, c, t, _ = x.shape
        frames = x.permute(0, 2, 3, 1).reshape(b * t, *self.grid_shape, c).permute(0, 3, 1, 2)
        y = self.gcn2cn.conv(frames)  # (B * T, C_out, H, W)
        y = y.permute(0, 2, 3, 1).reshape(b, t, -1, y.shape[1]).permute(0, 3, 1, 2)
        norm, relu, conv, last_norm, dropout = self.tcn2cn
        y = relu(norm_twice(y, self.gcn2cn.bn, norm))
        y = dropout(last_norm(conv(y)))
        if self.has_residual:
            y = y.add_(self.residual(x))  # in place is legal: no backward reads a BatchNorm's output
        return self.relu(y)


@MODELS.register_module(name=['Ske2Grid', 'STGCN2CN_UpSmp_AutoEncode_Grid_Progressive'])
class Ske2Grid(nn.Module):
    """The network of the paper: D5 is grid 5x5 from ``[17]``, D6 is 6x6 from ``[17, 25]``, and so on.

    Args:
        graph_cfg: ``layout`` and ``mode`` as :func:`build_adjacency` takes them. The layout gives V and the links of
            the skeleton matrix; the adjacency itself is only kept as ``A``, as the released files have it.
        grid_shape: (H, W).
        progressive_joint_seq: ``[n_0, ..., n_{S-1}]``, starting at V (the default: V alone). All stages but the last
            are frozen.
        in_channels: Channels of a joint.
        kernel_size: Of the spatial convolutions, odd.
        temporal_kernel_size: Of the temporal convolutions, odd.
        dropout: Rate behind the temporal convolutions, in every block but the first.
        base_channels: Channels of the first block.
        ch_ratio: Factor of the channels at each inflation.
        num_stages: Blocks.
        inflate_stages: Blocks, from 1, that widen.
        down_stages: Blocks, from 1, that halve the frames.

    Raises:
        ValueError: If the sequence does not lead from the skeleton to the grid, or a kernel is even.
    """

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

        self.register_buffer('A', build_adjacency(**graph_cfg))
        self.register_buffer('skeleton_matrix', skeleton_matrix(skeleton), persistent=False)
        self.data_bn = nn.BatchNorm1d(skeleton.num_joints * in_channels)
        self.sampling_stages = nn.ParameterList(
            nn.Parameter(upsampling_matrix(n_out, n_in)) for n_in, n_out in zip(counts, counts[1:], strict=False)
        )
        self.SGT_stages = nn.ModuleList(IndexTransform(n) for n in counts[1:])
        self.sampling_stages[:-1].requires_grad_(False)
        self.SGT_stages[:-1].requires_grad_(False)

        blocks = []
        channels = in_channels
        for stage in range(1, num_stages + 1):
            width = int(base_channels * ch_ratio ** sum(2 <= s <= stage for s in inflate_stages) + 1e-4)
            first = stage == 1
            blocks.append(
                GridBlock(
                    channels, width, self.grid_shape, kernel_size, temporal_kernel_size,
                    stride=2 if stage in down_stages else 1, dropout=0.0 if first else dropout, residual=not first,
                )
            )  # fmt: skip
            channels = width
        self.st_gcn_networks = nn.ModuleList(blocks)
        self._init_convolutions()
        self.to(memory_format=torch.channels_last)

    def _init_convolutions(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')
                nn.init.zeros_(module.bias)

    @staticmethod
    def stage_of(key: str) -> int | None:
        """The stage that a state-dict key of the backbone belongs to; None outside UPT and GIT."""
        kind, _, rest = key.partition('.')
        return int(rest.split('.')[0]) if kind in ('sampling_stages', 'SGT_stages') else None

    @torch.compiler.disable
    def refresh(self) -> None:
        """Bring every permutation up to its scores; the one place where the network looks at numbers on the host.

        In export there are no numbers to look at; the permutations are as the last :meth:`eval` found them.
        """
        if exporting():
            return
        for permute in self.SGT_stages:
            permute.refresh()

    def grid_matrix(self) -> Tensor:
        """``P_{S-1} U_{S-1} ... P_0 U_0 B``, ``(H * W, V)``: which joints make which cell; see :meth:`refresh`."""
        matrix = self.skeleton_matrix
        for upsample, permute in zip(self.sampling_stages, self.SGT_stages, strict=True):
            matrix = permute(upsample @ matrix)
        return matrix

    def to_grid(self, x: Tensor) -> Tensor:
        """``(B, T, V, C) -> (B, C, T, H * W)``, channels last."""
        b, t, v, c = x.shape
        x = self.data_bn(x.reshape(b * t, v * c)).view(b * t, v, c)
        x = torch.einsum('gv,bvc->bgc', self.grid_matrix(), x)
        return x.reshape(b, t, -1, c).permute(0, 3, 1, 2)

    def encode(self, x: Tensor) -> Tensor:
        """``(B, T, V, C) -> (B, C', T', H * W)``."""
        with torch.autocast(x.device.type, enabled=False):  # coordinates need more digits than half precision has
            x = self.to_grid(x)
        for block in self.st_gcn_networks:
            x = block(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C) -> (N, M, C', T', H, W)``.

        Raises:
            ValueError: If V or C is not the one that the network was built for.
        """
        n, m = x.shape[:2]
        if x.ndim != 5 or x.shape[3:] != (self.num_joints, self.in_channels):
            raise ValueError(
                f'keypoint is {tuple(x.shape)}, (N, M, T, V, C); backbone.graph_cfg.layout has V={self.num_joints} '
                f'joints and backbone.in_channels is C={self.in_channels}'
            )
        self.refresh()
        persons = x.flatten(0, 1)
        y = self.encode(persons) if self.training else once_per_absent(self.encode, persons)
        return y.unflatten(3, self.grid_shape).unflatten(0, (n, m))


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
            f'backbone.progressive_joint_seq {counts}; take a grid of {counts[-1]} cells or more'
        )
