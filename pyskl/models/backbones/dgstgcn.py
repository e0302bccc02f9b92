"""DG-STGCN.

Source: https://arxiv.org/abs/2210.05895, as PYSKL builds it.

N samples, M persons, B = N * M, T frames, V joints, C channels, K groups, G channels of a group.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyskl.models.graphs import build_adjacency
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.fused_branches import ConvNorm
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.norm_act import build_activation, build_norm
from pyskl.models.layers.residual import add_to
from pyskl.models.layers.st_block import STBlock
from pyskl.models.layers.stages import per_stage, stage_plan
from pyskl.models.layers.temporal_conv import MultiScaleTCN
from pyskl.registry import MODELS, check_arguments

BENDS = ('T', 'NA', None)
ACTIVATIONS = {'softmax': nn.Softmax, 'tanh': nn.Tanh, 'relu': nn.ReLU, 'sigmoid': nn.Sigmoid}


def _activation(name: str, key: str) -> nn.Module:
    if name not in ACTIVATIONS:
        raise ValueError(f'unknown backbone.{key} {name!r}; choose from {sorted(ACTIVATIONS)}')
    return nn.Softmax(dim=-2) if name == 'softmax' else ACTIVATIONS[name]()  # over the source joints


class DGGCN(nn.Module):
    """DG-GCN: K groups of channels, each summed over neighbours on its own graph.

    Source: DG-STGCN, https://arxiv.org/abs/2210.05895.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        A: ``(K, V, V)``, learned; ``[k, v, w]`` weighs joint ``v`` into ``w``.
        ratio: Channels of a group as a fraction of ``out_channels``; None is ``1 / K``.
        ctr: Input of the refinement that differs by channel: the mean over time (``'T'``), each frame (``'NA'``) or
            nothing (None). ``'NA'`` here or in ``ada`` applies to both.
        ada: Input of the refinement that the channels of a group share: the same choice.
        subset_wise: Whether each group has its own weights for the refinements; otherwise all use those of the first.
        ada_act: ``'softmax'`` (over the joints summed), ``'tanh'``, ``'relu'`` or ``'sigmoid'``.
        ctr_act: As ``ada_act``.
        norm: As :func:`build_norm` takes it.
        act: As :func:`build_activation` takes it.

    Raises:
        ValueError: If a value is unknown, or a group has no channel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        ratio: float | None = 0.25,
        ctr: str | None = 'T',
        ada: str | None = 'T',
        subset_wise: bool = False,
        ada_act: str = 'softmax',
        ctr_act: str = 'tanh',
        norm: str | dict | None = 'BN',
        act: str | dict | None = 'ReLU',
    ) -> None:
        super().__init__()
        for key, value in (('gcn_ctr', ctr), ('gcn_ada', ada)):
            if value not in BENDS:
                raise ValueError(f'unknown backbone.{key} {value!r}; choose from {BENDS}')
        groups = len(A)
        width = int((1 / groups if ratio is None else ratio) * out_channels)
        if width < 1:
            raise ValueError(f'backbone.gcn_ratio={ratio} leaves a group no channel of {out_channels}')
        self.num_groups = groups
        self.ctr, self.ada = ctr is not None, ada is not None
        self.every_frame = 'NA' in (ctr, ada)  # 'NA' means not aggregated over time
        self.weights = slice(None) if subset_wise else slice(1)
        self.A = nn.Parameter(A.clone())
        self.alpha = nn.Parameter(torch.zeros(groups))
        self.beta = nn.Parameter(torch.zeros(groups))
        self.pre = nn.Sequential(
            Conv2d(in_channels, width * groups, 1),
            build_norm(norm, width * groups, 'backbone.gcn_norm'),
            build_activation(act, 'backbone.gcn_act'),
        )
        self.post = Conv2d(width * groups, out_channels, 1)
        if self.ctr or self.ada:
            self.conv1 = Conv2d(in_channels, width * groups, 1)
            self.conv2 = Conv2d(in_channels, width * groups, 1)
        self.ctr_act = _activation(ctr_act, 'gcn_ctr_act')
        self.ada_act = _activation(ada_act, 'gcn_ada_act')
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = ConvNorm(
                Conv2d(in_channels, out_channels, 1), build_norm(norm, out_channels, 'backbone.gcn_norm')
            )
        self.bn = build_norm(norm, out_channels, 'backbone.gcn_norm')
        self.act = build_activation(act, 'backbone.gcn_act')

    def extra_repr(self) -> str:
        return f'groups={self.num_groups}, joints={self.A.shape[1]}, ctr={self.ctr}, ada={self.ada}'

    def graph(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B or 1, K, G or 1, T or 1, V, V)``."""
        graph = self.A[None, :, None, None]
        if not (self.ctr or self.ada):
            return graph
        summary = x if self.every_frame else x.mean(2, keepdim=True)
        a = self.conv1(summary).unflatten(1, (self.num_groups, -1))  # (B, K, G, T or 1, V)
        b = self.conv2(summary).unflatten(1, (self.num_groups, -1))
        if self.ctr:
            weight = self.alpha[self.weights].view(-1, 1, 1, 1, 1)
            graph = graph + weight * self.ctr_act(a[..., None] - b[..., None, :])
        if self.ada:
            weight = self.beta[self.weights].view(-1, 1, 1, 1, 1)
            similar = torch.einsum('bkgtv,bkgtw->bktvw', a, b)[:, :, None]
            graph = graph + weight * self.ada_act(similar)
        return graph

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        y = self.pre(x).unflatten(1, (self.num_groups, -1))  # (B, K, G, T, V)
        graph = self.graph(x).to(y.dtype)
        y = (y[..., None, :] @ graph)[..., 0, :] if self.every_frame else y @ graph[:, :, :, 0]
        return self.act(add_to(self.bn(self.post(y.flatten(1, 2))), self.down(x)))


class DGTCN(MultiScaleTCN):
    """DG-TCN: the branches also process the mean joint; each joint adds a learned multiple of their output for it.

    Source: DG-STGCN, https://arxiv.org/abs/2210.05895, its ``dgmstcn``.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        mid_channels: As in :class:`MultiScaleTCN`.
        num_joints: Learned multiples, at least V.
        dropout: Dropout rate at the end.
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

    def extra_repr(self) -> str:
        return f'joints={len(self.add_coeff)}'

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, ceil(T / stride), V)``."""
        joints = x.shape[3]
        x = self.branch_outputs(torch.cat([x, x.mean(3, keepdim=True)], dim=3))
        x, mean = x.split([joints, 1], 3)
        x = torch.addcmul(x, mean, self.add_coeff[:joints].to(x.dtype))
        return self.drop(self.bn(self.transform(x)))


@MODELS.register_module()
class DGSTGCN(GCNBackbone):
    """DG-STGCN: graphs learned from noise, in groups of channels.

    All blocks start from one sample of the graph, see mode ``'random'`` of :func:`build_adjacency`. Every ``gcn_*`` and
    ``tcn_*`` argument may be a tuple of ``num_stages`` values, one per stage.

    Args:
        graph_cfg: Arguments of :func:`build_adjacency`; published with ``mode='random', num_filter=8``.
        in_channels: Channels per joint.
        base_channels: Channels of the first block.
        ch_ratio: Factor of the channels at each inflation.
        num_stages: Blocks; the first is left out when ``in_channels == base_channels``.
        inflate_stages: Blocks, from 1, that widen.
        down_stages: Blocks, from 1, that halve the frames.
        data_bn_type: Input normalisation: ``'VC'`` (persons share it), ``'MVC'`` (each its own) or None.
        num_person: M; read with ``'MVC'`` only.
        pretrained: A checkpoint that the engine loads into the backbone; only stored here.
        gcn_ratio: See :class:`DGGCN`, as for the next ones.
        gcn_ctr: ``'T'``, ``'NA'`` or None.
        gcn_ada: ``'T'``, ``'NA'`` or None.
        gcn_subset_wise: Whether each group has its own weights for the refinements.
        gcn_ada_act: ``'softmax'``, ``'tanh'``, ``'relu'`` or ``'sigmoid'``.
        gcn_ctr_act: The same choice.
        gcn_norm: ``'BN'``, ``'SyncBN'``, a dict or None.
        gcn_act: ``'ReLU'``, another activation, a dict or None.
        tcn_mid_channels: Branch width as a fraction of the channels, or None.
        tcn_num_joints: Learned multiples per block; None: 25, as in published files of any skeleton with up to 25
            joints, or V if that is more.
        tcn_dropout: Dropout rate after the temporal unit, in every stage but the first.
        tcn_ms_cfg: Branches, see :class:`MultiScaleTCN`, or None for its own.

    Raises:
        ValueError: If a value is unknown or does not fit the channels, or the skeleton has more joints than
            ``tcn_num_joints``.
    """

    shares_absent = True

    def __init__(
        self,
        graph_cfg: dict,
        in_channels: int = 3,
        base_channels: int = 64,
        ch_ratio: float = 2,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        data_bn_type: str | None = 'VC',
        num_person: int = 2,
        pretrained: str | None = None,
        gcn_ratio: float | tuple | None = 0.25,
        gcn_ctr: str | tuple | None = 'T',
        gcn_ada: str | tuple | None = 'T',
        gcn_subset_wise: bool | tuple = False,
        gcn_ada_act: str | tuple = 'softmax',
        gcn_ctr_act: str | tuple = 'tanh',
        gcn_norm: str | dict | tuple | None = 'BN',
        gcn_act: str | dict | tuple | None = 'ReLU',
        tcn_mid_channels: float | tuple | None = None,
        tcn_num_joints: int | tuple | None = None,
        tcn_dropout: float | tuple = 0.0,
        tcn_ms_cfg: Sequence | None = None,
    ) -> None:
        check_arguments(build_adjacency, graph_cfg, 'graph_cfg')
        A = build_adjacency(**graph_cfg)
        joints = A.shape[1]
        super().__init__(joints, in_channels, num_person, data_bn_type)
        self.pretrained = pretrained
        tcn_num_joints = max(25, joints) if tcn_num_joints is None else tcn_num_joints
        spatial = per_stage(
            {
                'ratio': gcn_ratio, 'ctr': gcn_ctr, 'ada': gcn_ada, 'subset_wise': gcn_subset_wise,
                'ada_act': gcn_ada_act, 'ctr_act': gcn_ctr_act, 'norm': gcn_norm, 'act': gcn_act,
            },
            num_stages,
        )  # fmt: skip
        temporal = per_stage(
            {
                'mid_channels': tcn_mid_channels, 'num_joints': tcn_num_joints, 'dropout': tcn_dropout,
                **({} if tcn_ms_cfg is None else {'ms_cfg': tcn_ms_cfg}),
            },
            num_stages,
        )  # fmt: skip
        temporal[0]['dropout'] = 0.0
        fewest = min(values['num_joints'] for values in temporal)
        if fewest < joints:
            raise ValueError(f'backbone.tcn_num_joints={fewest} is less than the V={joints} joints of graph_cfg.layout')
        self.gcn = nn.ModuleList()
        for index, narrow, wide, stride in stage_plan(
            in_channels, base_channels, num_stages, inflate_stages, down_stages, ch_ratio, skip_fitting=True
        ):
            gcn = DGGCN(narrow, wide, A, **spatial[index - 1])
            tcn = DGTCN(wide, wide, stride=stride, **temporal[index - 1])
            self.gcn.append(STBlock(gcn, tcn, narrow, wide, stride, residual=index > 1))

    def encode(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C', T', V)``."""
        x = x.contiguous()
        for block in self.gcn:
            x = block(x)
        return x
