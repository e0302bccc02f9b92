"""Convolutions over time, each joint alone.

B = samples times persons, T frames, V joints, C channels.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.fused_branches import cancel, conv_norm, conv_norm_each, split_dense
from pyskl.models.layers.norm_act import build_norm
from pyskl.models.layers.time_pool import TimePool


class UnitTCN(nn.Module):
    """A ``(kernel_size, 1)`` convolution and its norm; no activation.

    Source: ST-GCN, https://arxiv.org/abs/1801.07455.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Frames, odd.
        stride: In time.
        dilation: In time.
        norm: As :func:`build_norm` takes it.
        dropout: Dropout rate at the end.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 9,
        stride: int = 1,
        dilation: int = 1,
        norm: str | dict | None = 'BN',
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        pad = (kernel_size + (kernel_size - 1) * (dilation - 1) - 1) // 2
        self.conv = Conv2d(
            in_channels, out_channels, (kernel_size, 1), (stride, 1), padding=(pad, 0), dilation=(dilation, 1)
        )
        self.bn = build_norm(norm, out_channels, 'backbone.tcn_norm')
        self.drop = nn.Dropout(dropout, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, ceil(T / stride), V)``."""
        return self.drop(conv_norm(x, self.conv, self.bn))


class MultiScaleTCN(nn.Module):
    """ST-GCN++'s temporal module: branches of different reach side by side, mixed by a 1x1 convolution.

    Source: PYSKL, https://arxiv.org/abs/2205.09443, its ``mstcn``.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; the first branch gets the remainder of an equal split.
        mid_channels: None, or the width of every branch as a fraction of ``out_channels``.
        dropout: Dropout rate at the end.
        ms_cfg: One entry per branch: ``(kernel_size, dilation)``, ``('max', kernel_size)`` or ``'1x1'``.
        stride: In time.

    Raises:
        ValueError: If an entry has another form.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        mid_channels: float | None = None,
        dropout: float = 0.0,
        ms_cfg: Sequence = ((3, 1), (3, 2), (3, 3), (3, 4), ('max', 3), '1x1'),
        stride: int = 1,
    ) -> None:
        super().__init__()
        width = out_channels // len(ms_cfg) if mid_channels is None else int(out_channels * mid_channels)
        rest = out_channels - width * (len(ms_cfg) - 1) if mid_channels is None else width
        widths = [rest] + [width] * (len(ms_cfg) - 1)
        if width < 1:
            raise ValueError(f'backbone.tcn_ms_cfg has {len(ms_cfg)} branches, too many for {out_channels} channels')
        self.branches = nn.ModuleList(
            _branch(in_channels, mid, entry, stride) for mid, entry in zip(widths, ms_cfg, strict=True)
        )
        self.widths = widths
        total = sum(widths)
        self.transform = nn.Sequential(BatchNorm2d(total), nn.ReLU(inplace=True), Conv2d(total, out_channels, 1))
        self.bn = BatchNorm2d(out_channels)
        self.drop = nn.Dropout(dropout, inplace=True)

    def branch_outputs(self, x: Tensor, biased: bool = True) -> Tensor:
        """``(B, C_in, T, V) -> (B, sum of widths, ceil(T / stride), V)``: the concatenated outputs of the branches.

        Args:
            x: The maps.
            biased: Whether the last convolution of a branch adds its bias.
        """
        biased = {} if biased else {'biased': False}
        entered = [branch for branch in self.branches if isinstance(branch, nn.Sequential)]
        parts = iter(())
        if entered:
            widths = [branch[0].out_channels for branch in entered]
            y = conv_norm_each(x, [branch[0] for branch in entered], [branch[1] for branch in entered], widths)
            parts = iter(split_dense(F.relu_(y), widths))
        outputs = []
        for branch in self.branches:
            y = next(parts) if isinstance(branch, nn.Sequential) else x
            last = _last(branch)
            outputs.append(last(y) if isinstance(last, TimePool) else last(y, **biased))
        return torch.cat(outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, ceil(T / stride), V)``."""
        norm, act, conv = self.transform
        last = [_last(branch) for branch in self.branches]
        if cancel([norm], [layer for layer in last if not isinstance(layer, TimePool)]):
            own = [
                norm.weight.new_zeros(w) if isinstance(a, TimePool) else a.bias
                for a, w in zip(last, self.widths, strict=True)
            ]
            y = norm(self.branch_outputs(x, biased=False), cancelled=torch.cat(own))
        else:
            y = norm(self.branch_outputs(x))
        return self.drop(conv_norm(act(y), conv, self.bn))


def _last(branch: nn.Module) -> nn.Module:
    """The convolution or pool at the end of a branch."""
    last = branch[3] if isinstance(branch, nn.Sequential) else branch
    return last.conv if isinstance(last, UnitTCN) else last


def _branch(in_channels: int, width: int, entry: object, stride: int) -> nn.Module:
    if entry == '1x1':
        return Conv2d(in_channels, width, 1, (stride, 1))
    if isinstance(entry, str) or not isinstance(entry, Sequence) or len(entry) != 2:
        raise ValueError(f"backbone.tcn_ms_cfg holds (kernel, dilation), ('max', kernel) or '1x1', got {entry!r}")
    kind, number = entry
    last = TimePool(number, stride) if kind == 'max' else UnitTCN(width, width, kind, stride, number, norm=None)
    return nn.Sequential(Conv2d(in_channels, width, 1), BatchNorm2d(width), nn.ReLU(inplace=True), last)


_OWN = {'unit_tcn': ('tcn_kernel_size', 'tcn_dilation', 'tcn_norm'), 'mstcn': ('tcn_ms_cfg', 'tcn_mid_channels')}


def temporal_unit(channels: int, stride: int, dropout: float, values: dict) -> UnitTCN | MultiScaleTCN:
    """The temporal unit that one stage of a config describes.

    Args:
        channels: Channels of input and output.
        stride: In time.
        dropout: Dropout rate at the end.
        values: The stage's ``tcn_type``, ``tcn_kernel_size`` (optional), ``tcn_dilation``, ``tcn_norm``,
            ``tcn_ms_cfg`` and ``tcn_mid_channels``.

    Raises:
        ValueError: If the type is unknown, or a value is an argument of the other type.
    """
    kind = values['tcn_type']
    if kind not in _OWN:
        raise ValueError(f'unknown backbone.tcn_type {kind!r}; choose from {sorted(_OWN)}')
    options = {}
    for unit, keys in _OWN.items():
        for key in keys:
            if values.get(key) == ('BN' if key == 'tcn_norm' else None):
                continue
            if unit != kind:
                raise ValueError(f'backbone.{key} is an argument of tcn_type={unit!r}, but tcn_type is {kind!r}')
            options[key[4:]] = values[key]
    unit = UnitTCN if kind == 'unit_tcn' else MultiScaleTCN
    return unit(channels, channels, stride=stride, dropout=dropout, **options)
