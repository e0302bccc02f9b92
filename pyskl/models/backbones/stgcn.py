"""ST-GCN and ST-GCN++.

Sources: ST-GCN, https://arxiv.org/abs/1801.07455; ST-GCN++, PYSKL, https://arxiv.org/abs/2205.09443.

N samples, M persons, B = N * M, T frames, V joints, C channels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyskl.models.graphs import build_adjacency
from pyskl.models.layers.graph_conv import UnitGCN
from pyskl.models.layers.persons import once_per_absent
from pyskl.models.layers.temporal import MultiScaleTCN, UnitTCN
from pyskl.registry import MODELS, check_arguments

TCN_TYPES = {'unit_tcn': UnitTCN, 'mstcn': MultiScaleTCN}


class STGCNBlock(nn.Module):
    """Graph convolution, temporal convolution, residual.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        A: ``(K, V, V)``, of which the block keeps its own copy.
        stride: In time.
        residual: Whether the input is added at the end.
        gcn: Arguments of :class:`UnitGCN`.
        tcn_type: A key of ``TCN_TYPES``.
        tcn: Arguments of that class.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        stride: int,
        residual: bool,
        gcn: dict,
        tcn_type: str,
        tcn: dict,
    ) -> None:
        super().__init__()
        self.gcn = UnitGCN(in_channels, out_channels, A, **gcn)
        self.tcn = TCN_TYPES[tcn_type](out_channels, out_channels, stride=stride, **tcn)
        self.has_residual = residual
        self.residual = nn.Identity()
        if residual and (stride != 1 or in_channels != out_channels):
            self.residual = UnitTCN(in_channels, out_channels, kernel_size=1, stride=stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V)``."""
        y = self.tcn(self.gcn(x))
        if self.has_residual:
            y = y + self.residual(x)
        return self.relu(y)


def _per_stage(options: dict, num_stages: int) -> list[dict]:
    """One dict a stage: a tuple of ``num_stages`` items is dealt out, anything else goes to every stage."""
    return [
        {k: v[i] if isinstance(v, tuple) and len(v) == num_stages else v for k, v in options.items()}
        for i in range(num_stages)
    ]


@MODELS.register_module()
class STGCN(nn.Module):
    """ST-GCN; with ``gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn'`` ST-GCN++.

    Every ``gcn_*`` and ``tcn_*`` argument may be a tuple of ``num_stages`` values, one a stage. ``None`` for a
    ``tcn_*`` argument means the temporal unit's own default.

    Args:
        graph_cfg: Arguments of :func:`build_adjacency`.
        in_channels: Channels of a joint.
        base_channels: Channels of the first block.
        data_bn_type: Input normalisation: ``'VC'`` (persons share it), ``'MVC'`` (each its own) or None.
        ch_ratio: Factor of the channels at each inflation.
        num_person: M; read with ``'MVC'`` only.
        num_stages: Blocks; the first is left out when ``in_channels == base_channels``.
        inflate_stages: Blocks, from 1, that widen.
        down_stages: Blocks, from 1, that halve the frames.
        pretrained: A checkpoint that the engine loads into the backbone; kept here, not read.
        gcn_type: ``'unit_gcn'``.
        gcn_adaptive: What is learned of the graph, see :class:`UnitGCN`.
        gcn_conv_pos: ``'pre'`` or ``'post'``.
        gcn_with_res: Residual around the graph convolution.
        gcn_norm: ``'BN'``, ``'SyncBN'``, a dict or None.
        gcn_act: ``'ReLU'``, another activation, a dict or None.
        tcn_type: ``'unit_tcn'`` or ``'mstcn'``.
        tcn_dropout: Rate behind the temporal unit, in every stage but the first.
        tcn_dilation: Of ``unit_tcn``.
        tcn_norm: Of ``unit_tcn``, as ``gcn_norm``.
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
        tcn_dilation: int | tuple | None = None,
        tcn_norm: str | dict | tuple | None = 'BN',
        tcn_ms_cfg: Sequence | None = None,
        tcn_mid_channels: float | tuple | None = None,
    ) -> None:
        super().__init__()
        check_arguments(build_adjacency, graph_cfg, 'graph_cfg')
        if data_bn_type not in ('VC', 'MVC', None):
            raise ValueError(f"backbone.data_bn_type must be 'VC', 'MVC' or None, got {data_bn_type!r}")
        A = build_adjacency(**graph_cfg)
        self.num_joints = A.shape[1]
        self.in_channels = in_channels
        self.num_person = num_person
        self.data_bn_type = data_bn_type
        self.pretrained = pretrained
        joint_channels = self.num_joints * in_channels
        if data_bn_type is None:
            self.data_bn = nn.Identity()
        else:
            self.data_bn = nn.BatchNorm1d(joint_channels * (num_person if data_bn_type == 'MVC' else 1))

        options = {
            'gcn_type': gcn_type, 'gcn_adaptive': gcn_adaptive, 'gcn_conv_pos': gcn_conv_pos,
            'gcn_with_res': gcn_with_res, 'gcn_norm': gcn_norm, 'gcn_act': gcn_act, 'tcn_type': tcn_type,
            'tcn_dropout': tcn_dropout, 'tcn_dilation': tcn_dilation, 'tcn_norm': tcn_norm, 'tcn_ms_cfg': tcn_ms_cfg,
            'tcn_mid_channels': tcn_mid_channels,
        }  # fmt: skip
        blocks = []
        channels = in_channels
        for stage, values in enumerate(_per_stage(options, num_stages), start=1):
            width = int(base_channels * ch_ratio ** sum(2 <= s <= stage for s in inflate_stages) + 1e-4)
            if stage == 1:
                values['tcn_dropout'] = 0.0
                if in_channels == base_channels:
                    continue
            stride = 2 if stage in down_stages and stage > 1 else 1
            blocks.append(STGCNBlock(channels, width, A, stride, stage > 1, **_block_options(values)))
            channels = width
        self.gcn = nn.ModuleList(blocks)
        self.to(memory_format=torch.channels_last)

    def normalize(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C)``, normalised by ``data_bn``."""
        n, m, t, v, c = x.shape
        if self.data_bn_type == 'MVC':
            x = self.data_bn(x.transpose(1, 2).reshape(n * t, m * v * c))
            return x.view(n, t, m, v, c).transpose(1, 2)
        return self.data_bn(x.reshape(n * m * t, v * c)).view(n, m, t, v, c)

    def encode(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C) -> (N * M, C', T', V)``."""
        with torch.autocast(x.device.type, enabled=False):  # coordinates need more digits than half precision has
            x = self.normalize(x).flatten(0, 1).permute(0, 3, 1, 2)
        for block in self.gcn:
            x = block(x)
        return x

    def encode_persons(self, x: Tensor) -> Tensor:
        """``(B, T, V, C) -> (B, C', T', V)``."""
        return self.encode(x[:, None])

    def forward(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C) -> (N, M, C', T', V)``.

        Raises:
            ValueError: If M, V or C is not the one that the network was built for.
        """
        if x.ndim != 5 or x.shape[3:] != (self.num_joints, self.in_channels):
            raise ValueError(
                f'keypoint is {tuple(x.shape)}, (N, M, T, V, C); backbone.graph_cfg.layout has V={self.num_joints} '
                f'joints and backbone.in_channels is C={self.in_channels}'
            )
        if self.data_bn_type == 'MVC' and x.shape[1] != self.num_person:
            raise ValueError(f'keypoint holds M={x.shape[1]} persons, backbone.num_person is {self.num_person}')
        if self.training or self.data_bn_type == 'MVC':  # there an absent person is not the same in every place
            y = self.encode(x)
        else:
            y = once_per_absent(self.encode_persons, x.flatten(0, 1))
        return y.unflatten(0, tuple(x.shape[:2]))


def _block_options(values: dict) -> dict:
    """The per-stage values as arguments of :class:`STGCNBlock`."""
    if values['gcn_type'] != 'unit_gcn':
        raise ValueError(f"unknown backbone.gcn_type {values['gcn_type']!r}; choose 'unit_gcn'")
    kind = values['tcn_type']
    if kind not in TCN_TYPES:
        raise ValueError(f'unknown backbone.tcn_type {kind!r}; choose from {sorted(TCN_TYPES)}')
    gcn = {key[4:]: value for key, value in values.items() if key.startswith('gcn_') and key != 'gcn_type'}
    own = {'unit_tcn': ('tcn_dilation', 'tcn_norm'), 'mstcn': ('tcn_ms_cfg', 'tcn_mid_channels')}
    defaults = {'tcn_norm': 'BN'}
    tcn = {'dropout': values['tcn_dropout']}
    for unit, keys in own.items():
        for key in keys:
            given = values[key] != defaults.get(key)
            if given and unit != kind:
                raise ValueError(f'backbone.{key} is an argument of tcn_type={unit!r}, but tcn_type is {kind!r}')
            if given:
                tcn[key[4:]] = values[key]
    return {'gcn': gcn, 'tcn_type': kind, 'tcn': tcn}
