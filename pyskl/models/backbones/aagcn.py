"""2s-AGCN and AAGCN.

Sources: 2s-AGCN, https://arxiv.org/abs/1805.07694; AAGCN, https://arxiv.org/abs/1912.06971, as PYSKL builds them.

N samples, M persons, B = N * M, T frames, V joints, C channels, K adjacency subsets, Q embedded channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyskl.models.graphs import build_adjacency
from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.fused_branches import ConvNorm, conv_each, conv_sum
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.residual import add_to
from pyskl.models.layers.st_block import STBlock
from pyskl.models.layers.stages import per_stage, stage_plan
from pyskl.models.layers.temporal_conv import UnitTCN, temporal_unit
from pyskl.models.layers.weight_init import branch_init, conv_init, norm_init
from pyskl.registry import MODELS, check_arguments


class AdaptiveGCN(nn.Module):
    """Sum over neighbours on ``A + alpha * similarity``, then a convolution, for each subset.

    Source: 2s-AGCN, https://arxiv.org/abs/1805.07694; attention: MS-AAGCN, https://arxiv.org/abs/1912.06971.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        A: ``(K, V, V)``; ``[k, v, w]`` weighs joint ``v`` into ``w``. Learned if ``adaptive``.
        coff_embedding: Channels of the embedded joints are ``out_channels // coff_embedding``.
        adaptive: Whether the graph is learned and adapted to each sample.
        attention: Whether the output is gated.

    Raises:
        ValueError: If the embedding has no channel left.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        coff_embedding: int = 4,
        adaptive: bool = True,
        attention: bool = True,
    ) -> None:
        super().__init__()
        self.num_subsets, num_joints = A.shape[:2]
        self.adaptive = adaptive
        self.attention = attention
        width = out_channels // coff_embedding
        if width < 1:
            raise ValueError(f'backbone.gcn_coff_embedding={coff_embedding} leaves no channel of {out_channels}')
        self.conv_d = nn.ModuleList(Conv2d(in_channels, out_channels, 1) for _ in A)
        if adaptive:
            self.A = nn.Parameter(A.clone())
            self.alpha = nn.Parameter(torch.zeros(1))
            self.conv_a = nn.ModuleList(Conv2d(in_channels, width, 1) for _ in A)
            self.conv_b = nn.ModuleList(Conv2d(in_channels, width, 1) for _ in A)
        else:
            self.register_buffer('A', A.clone())
        if attention:
            reach = num_joints if num_joints % 2 else num_joints - 1
            self.conv_ta = nn.Conv1d(out_channels, 1, 9, padding=4)
            self.conv_sa = nn.Conv1d(out_channels, 1, reach, padding=(reach - 1) // 2)
            self.fc1c = nn.Linear(out_channels, out_channels // 2)
            self.fc2c = nn.Linear(out_channels // 2, out_channels)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = ConvNorm(Conv2d(in_channels, out_channels, 1), BatchNorm2d(out_channels))
        self.bn = BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self._first_weights()

    def extra_repr(self) -> str:
        return f'subsets={self.num_subsets}, joints={self.A.shape[1]}, attention={self.attention}'

    def _first_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                conv_init(module)
        for conv in self.conv_d:
            branch_init(conv, self.num_subsets)
        norm_init(self.bn, 1e-6)
        if self.attention:  # every gate starts at 1/2
            for gate in (self.conv_ta, self.fc2c):
                nn.init.zeros_(gate.weight)
                nn.init.zeros_(gate.bias)
            nn.init.xavier_normal_(self.conv_sa.weight)
            nn.init.zeros_(self.conv_sa.bias)
            nn.init.kaiming_normal_(self.fc1c.weight)
            nn.init.zeros_(self.fc1c.bias)

    def graph(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B or 1, K, V, V)``: learned from all samples, adapted to each one."""
        if not self.adaptive:
            return self.A[None]
        embedded = conv_each(x, [*self.conv_a, *self.conv_b])
        a, b = embedded.unflatten(1, (2, self.num_subsets, -1)).unbind(1)  # (B, K, Q, T, V)
        similar = torch.einsum('bkqtv,bkqtw->bkvw', a, b) / (a.shape[2] * a.shape[3])
        return self.A + self.alpha * similar.tanh()

    def gates(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, C, T, V) -> (B, 1, T, V)`` and ``(B, C, 1, 1)``, to be multiplied with ``y``.

        Each gate ``g`` turns ``y`` into ``y + g y``. The gate of frames is computed from ``y`` gated by joints, that of
        channels from ``y`` gated by both; only their means are formed, not the maps in between.
        """
        joint = 1 + self.conv_sa(y.mean(2)).sigmoid()  # (B, 1, V)
        frames = torch.einsum('bctv,bv->bct', y, joint[:, 0].to(y.dtype)) / y.shape[3]
        frame = 1 + self.conv_ta(frames).sigmoid()  # (B, 1, T)
        channels = (frames * frame).mean(2)
        channel = 1 + self.fc2c(self.fc1c(channels).relu()).sigmoid()  # (B, C)
        return frame[..., None] * joint[:, :, None], channel[..., None, None]

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        graph = self.graph(x).to(x.dtype).expand(x.shape[0], -1, -1, -1)
        y = conv_sum(torch.einsum('bctv,bkvw->bkctw', x, graph).flatten(1, 2), self.conv_d)
        y = self.relu(add_to(self.bn(y), self.down(x)))
        if self.attention:
            place, channel = self.gates(y)
            y = y * place * channel
        return y


@MODELS.register_module()
class AAGCN(GCNBackbone):
    """AAGCN; with ``gcn_attention=False`` 2s-AGCN.

    Every ``gcn_*`` and ``tcn_*`` argument may be a tuple of ``num_stages`` values, one per stage. ``None`` for a
    ``tcn_*`` argument means the temporal unit's own default.

    Args:
        graph_cfg: Arguments of :func:`build_adjacency`.
        in_channels: Channels per joint.
        base_channels: Channels of the first block.
        data_bn_type: Input normalisation: ``'MVC'`` (each person its own), ``'VC'`` (persons share it) or None.
        num_person: M; read with ``'MVC'`` only.
        num_stages: Blocks; the first is left out when ``in_channels == base_channels``.
        inflate_stages: Blocks, from 1, that double the channels.
        down_stages: Blocks, from 1, that halve the frames.
        pretrained: A checkpoint that the engine loads into the backbone; only stored here.
        gcn_type: ``'unit_aagcn'``.
        gcn_coff_embedding: See :class:`AdaptiveGCN`.
        gcn_adaptive: Whether the graph is learned and adapted to each sample.
        gcn_attention: Whether joints, frames and channels are gated.
        tcn_type: ``'unit_tcn'`` or ``'mstcn'``.
        tcn_dropout: Dropout rate after the temporal unit, in every stage but the first.
        tcn_dilation: Of ``unit_tcn``.
        tcn_norm: Of ``unit_tcn``: ``'BN'``, ``'SyncBN'``, a dict or None.
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
        self.register_buffer('A', A)  # in published files; the blocks have their own copies
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
