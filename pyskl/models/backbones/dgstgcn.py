"""DG-STGCN.

Source: https://arxiv.org/abs/2210.05895, as PYSKL builds it.

N samples, M persons, B = N * M, T frames, V joints, C channels.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from pyskl.models.graphs import build_adjacency
from pyskl.models.layers.dynamic_gcn import DGGCN
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.st_block import STBlock
from pyskl.models.layers.stages import per_stage, stage_plan
from pyskl.models.layers.virtual_joint_tcn import DGTCN
from pyskl.registry import MODELS, check_arguments


@MODELS.register_module()
class DGSTGCN(GCNBackbone):
    """DG-STGCN: graphs learned from noise, in groups of channels.

    All blocks start from one draw of the graph, see mode ``'random'`` of :func:`build_adjacency`. Every ``gcn_*`` and
    ``tcn_*`` argument may be a tuple of ``num_stages`` values, one a stage.

    Args:
        graph_cfg: Arguments of :func:`build_adjacency`; published with ``mode='random', num_filter=8``.
        in_channels: Channels of a joint.
        base_channels: Channels of the first block.
        ch_ratio: Factor of the channels at each inflation.
        num_stages: Blocks; the first is left out when ``in_channels == base_channels``.
        inflate_stages: Blocks, from 1, that widen.
        down_stages: Blocks, from 1, that halve the frames.
        data_bn_type: Input normalisation: ``'VC'`` (persons share it), ``'MVC'`` (each its own) or None.
        num_person: M; read with ``'MVC'`` only.
        pretrained: A checkpoint that the engine loads into the backbone; kept here, not read.
        gcn_ratio: See :class:`DGGCN`, as for the next ones.
        gcn_ctr: ``'T'``, ``'NA'`` or None.
        gcn_ada: ``'T'``, ``'NA'`` or None.
        gcn_subset_wise: Whether each group weighs its bends by itself.
        gcn_ada_act: ``'softmax'``, ``'tanh'``, ``'relu'`` or ``'sigmoid'``.
        gcn_ctr_act: The same choice.
        gcn_norm: ``'BN'``, ``'SyncBN'``, a dict or None.
        gcn_act: ``'ReLU'``, another activation, a dict or None.
        tcn_mid_channels: Branch width as a fraction of the channels, or None.
        tcn_num_joints: Joints' shares that a block holds; None: 25, as published files hold for any skeleton of up to
            25 joints, or else V.
        tcn_dropout: Rate behind the temporal unit, in every stage but the first.
        tcn_ms_cfg: Branches, see :class:`MultiScaleTCN`, or None for its own.

    Raises:
        ValueError: If a value is unknown or does not fit the channels, or the skeleton has more joints than
            ``tcn_num_joints``.
    """

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
