"""ST-GCN and ST-GCN++.

Sources: ST-GCN, https://arxiv.org/abs/1801.07455; ST-GCN++, PYSKL, https://arxiv.org/abs/2205.09443.

N samples, M persons, B = N * M, T frames, V joints, C channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyskl.models.graphs import build_adjacency
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.graph_conv import UnitGCN
from pyskl.models.layers.st_block import STBlock
from pyskl.models.layers.stages import per_stage, stage_plan
from pyskl.models.layers.temporal_conv import temporal_unit
from pyskl.registry import MODELS, check_arguments


@MODELS.register_module()
class STGCN(GCNBackbone):
    """ST-GCN; with ``gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn'`` ST-GCN++.

    Every ``gcn_*`` and ``tcn_*`` argument may be a tuple of ``num_stages`` values, one per stage. ``None`` for a
    ``tcn_*`` argument means the temporal unit's own default.

    Args:
        graph_cfg: Arguments of :func:`build_adjacency`.
        in_channels: Channels per joint.
        base_channels: Channels of the first block.
        data_bn_type: Input normalisation: ``'VC'`` (persons share it), ``'MVC'`` (each its own) or None.
        ch_ratio: Factor of the channels at each inflation.
        num_person: M; read with ``'MVC'`` only.
        num_stages: Blocks; the first is left out when ``in_channels == base_channels``.
        inflate_stages: Blocks, from 1, that widen.
        down_stages: Blocks, from 1, that halve the frames.
        pretrained: A checkpoint that the engine loads into the backbone; only stored here.
        gcn_type: ``'unit_gcn'``.
        gcn_adaptive: What is learned of the graph, see :class:`UnitGCN`.
        gcn_conv_pos: ``'pre'`` or ``'post'``.
        gcn_with_res: Residual around the graph convolution.
        gcn_norm: ``'BN'``, ``'SyncBN'``, a dict or None.
        gcn_act: ``'ReLU'``, another activation, a dict or None.
        tcn_type: ``'unit_tcn'`` or ``'mstcn'``.
        tcn_dropout: Dropout rate after the temporal unit, in every stage but the first.
        tcn_kernel_size: Frames of ``unit_tcn``, odd; None: 9. Some published files of ST-GCN have 13.
        tcn_dilation: Of ``unit_tcn``.
        tcn_norm: Of ``unit_tcn``, as ``gcn_norm``.
        tcn_ms_cfg: Branches of ``mstcn``.
        tcn_mid_channels: Branch width of ``mstcn``.

    Raises:
        ValueError: If a value is unknown, or an argument belongs to the other temporal unit.
    """

    shares_absent = True

    def __init__(
        self,
        graph_cfg: dict,
        in_channels: int = 3,
        base_channels: int = 64,
        data_bn_type: str | None = 'VC',
        ch_ratio: float = 2,
        num_person: int = 2,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        pretrained: str | None = None,
        gcn_type: str = 'unit_gcn',
        gcn_adaptive: str | tuple | None = 'importance',
        gcn_conv_pos: str | tuple = 'pre',
        gcn_with_res: bool | tuple = False,
        gcn_norm: str | dict | tuple | None = 'BN',
        gcn_act: str | dict | tuple | None = 'ReLU',
        tcn_type: str | tuple = 'unit_tcn',
        tcn_dropout: float | tuple = 0.0,
        tcn_kernel_size: int | tuple | None = None,
        tcn_dilation: int | tuple | None = None,
        tcn_norm: str | dict | tuple | None = 'BN',
        tcn_ms_cfg: Sequence | None = None,
        tcn_mid_channels: float | tuple | None = None,
    ) -> None:
        check_arguments(build_adjacency, graph_cfg, 'graph_cfg')
        A = build_adjacency(**graph_cfg)
        super().__init__(A.shape[1], in_channels, num_person, data_bn_type)
        self.pretrained = pretrained
        spatial = per_stage(
            {
                'adaptive': gcn_adaptive, 'conv_pos': gcn_conv_pos, 'with_res': gcn_with_res, 'norm': gcn_norm,
                'act': gcn_act,
            },
            num_stages,
        )  # fmt: skip
        temporal = per_stage(
            {
                'gcn_type': gcn_type, 'tcn_type': tcn_type, 'tcn_dropout': tcn_dropout,
                'tcn_kernel_size': tcn_kernel_size, 'tcn_dilation': tcn_dilation,
                'tcn_norm': tcn_norm, 'tcn_ms_cfg': tcn_ms_cfg, 'tcn_mid_channels': tcn_mid_channels,
            },
            num_stages,
        )  # fmt: skip
        self.gcn = nn.ModuleList()
        for index, narrow, wide, stride in stage_plan(
            in_channels, base_channels, num_stages, inflate_stages, down_stages, ch_ratio, skip_fitting=True
        ):
            values = temporal[index - 1]
            if values['gcn_type'] != 'unit_gcn':
                raise ValueError(f"unknown backbone.gcn_type {values['gcn_type']!r}; choose 'unit_gcn'")
            gcn = UnitGCN(narrow, wide, A, **spatial[index - 1])
            tcn = temporal_unit(wide, stride, values['tcn_dropout'] if index > 1 else 0.0, values)
            self.gcn.append(STBlock(gcn, tcn, narrow, wide, stride, residual=index > 1))
        self.to(memory_format=torch.channels_last)

    def encode(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C', T', V)``."""
        for block in self.gcn:
            x = block(x)
        return x
