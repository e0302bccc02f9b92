"""2s-AGCN and AAGCN.

Sources: 2s-AGCN, https://arxiv.org/abs/1805.07694; AAGCN, https://arxiv.org/abs/1912.06971, as PYSKL builds them.

N samples, M persons, B = N * M, T frames, V joints, C channels.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from pyskl.models.graphs import build_adjacency
from pyskl.models.layers.adaptive_gcn import AdaptiveGCN
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.st_block import STBlock
from pyskl.models.layers.stages import per_stage, stage_plan
from pyskl.models.layers.temporal_conv import UnitTCN, temporal_unit
from pyskl.models.layers.weight_init import conv_init
from pyskl.registry import MODELS, check_arguments


@MODELS.register_module()
class AAGCN(GCNBackbone):
    """AAGCN; with ``gcn_attention=False`` 2s-AGCN.

    Every ``gcn_*`` and ``tcn_*`` argument may be a tuple of ``num_stages`` values, one a stage. ``None`` for a
    ``tcn_*`` argument means the temporal unit's own default.

    Args:
        graph_cfg: Arguments of :func:`build_adjacency`.
        in_channels: Channels of a joint.
        base_channels: Channels of the first block.
        data_bn_type: Input normalisation: ``'MVC'`` (each person its own), ``'VC'`` (persons share it) or None.
        num_person: M; read with ``'MVC'`` only.
        num_stages: Blocks; the first is left out when ``in_channels == base_channels``.
        inflate_stages: Blocks, from 1, that double the channels.
        down_stages: Blocks, from 1, that halve the frames.
        pretrained: A checkpoint that the engine loads into the backbone; kept here, not read.
        gcn_type: ``'unit_aagcn'``.
        gcn_coff_embedding: See :class:`AdaptiveGCN`.
        gcn_adaptive: Whether the graph is learned and bent by each sample.
        gcn_attention: Whether joints, frames and channels are gated.
        tcn_type: ``'unit_tcn'`` or ``'mstcn'``.
        tcn_dropout: Rate behind the temporal unit, in every stage but the first.
        tcn_dilation: Of ``unit_tcn``.
        tcn_norm: Of ``unit_tcn``: ``'BN'``, ``'SyncBN'``, a dict or None.
        tcn_ms_cfg: Branches of ``mstcn``.
        tcn_mid_channels: Branch width of ``mstcn``.

    Raises:
        ValueError: If a value is unknown, or an argument is not one of the chosen temporal unit.
    """

    def __init__(
        self,
        graph_cfg: dict,
        in_channels: int = 3,
        base_channels: int = 64,
        data_bn_type: str | None = 'MVC',
        num_person: int = 2,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        pretrained: str | None = None,
        gcn_type: str | tuple = 'unit_aagcn',
        gcn_coff_embedding: int | tuple = 4,
        gcn_adaptive: bool | tuple = True,
        gcn_attention: bool | tuple = True,
        tcn_type: str | tuple = 'unit_tcn',
        tcn_dropout: float | tuple = 0.0,
        tcn_dilation: int | tuple | None = None,
        tcn_norm: str | dict | tuple | None = 'BN',
        tcn_ms_cfg: Sequence | None = None,
        tcn_mid_channels: float | tuple | None = None,
    ) -> None:
        check_arguments(build_adjacency, graph_cfg, 'graph_cfg')
        A = build_adjacency(**graph_cfg)
        super().__init__(A.shape[1], in_channels, num_person, data_bn_type)
        self.pretrained = pretrained
        self.register_buffer('A', A)  # published files hold it; the blocks have copies of their own
        options = per_stage(
            {
                'gcn_type': gcn_type, 'gcn_coff_embedding': gcn_coff_embedding, 'gcn_adaptive': gcn_adaptive,
                'gcn_attention': gcn_attention, 'tcn_type': tcn_type, 'tcn_dropout': tcn_dropout,
                'tcn_dilation': tcn_dilation, 'tcn_norm': tcn_norm, 'tcn_ms_cfg': tcn_ms_cfg,
                'tcn_mid_channels': tcn_mid_channels,
            },
            num_stages,
        )  # fmt: skip
        self.gcn = nn.ModuleList()
        for index, narrow, wide, stride in stage_plan(
            in_channels, base_channels, num_stages, inflate_stages, down_stages, skip_fitting=True
        ):
            values = options[index - 1]
            if values['gcn_type'] != 'unit_aagcn':
                raise ValueError(f"unknown backbone.gcn_type {values['gcn_type']!r}; choose 'unit_aagcn'")
            gcn = AdaptiveGCN(
                narrow, wide, A, values['gcn_coff_embedding'], values['gcn_adaptive'], values['gcn_attention']
            )
            tcn = temporal_unit(wide, stride, values['tcn_dropout'] if index > 1 else 0.0, values)
            if isinstance(tcn, UnitTCN):
                conv_init(tcn.conv)
            self.gcn.append(STBlock(gcn, tcn, narrow, wide, stride, residual=index > 1))

    def encode(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C', T', V)``."""
        x = x.contiguous()
        for block in self.gcn:
            x = block(x)
        return x
