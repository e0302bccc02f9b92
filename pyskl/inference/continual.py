"""Step ST-GCN, ST-GCN++ and Ske2Grid by a few frames: temporal convolutions store the past frames that they need.

Source: Hedegaard et al., "Continual Spatio-Temporal Graph Convolutional Networks", https://arxiv.org/abs/2203.11009;
extended to dilation, branches with different receptive fields, max pooling over time and strides.

There is no padding in time. A network in eval mode maps the frames of a clip to feature frames ``j``, each of which
depends on the frames from ``stride * j - before`` to ``stride * j + after``; near the ends of the clip some of these
are padding. The feature frames computed here are exactly those without padding, for a clip of any length. The logits
are those of the head on the newest feature frames, which depend on ``window`` frames.

N streams, M persons, B = N * M, T new frames, V joints or cells, C channels, K classes.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.fused_branches import conv_each, norm_each
from pyskl.models.layers.st_block import STBlock
from pyskl.models.layers.temporal_conv import MultiScaleTCN, UnitTCN
from pyskl.models.layers.time_pool import TimePool


class _Branch(NamedTuple):
    """An operation over time on some of the channels.

    Output frame ``j`` depends on the frames from ``stride * j + first`` to ``stride * j + last``; ``apply`` takes those
    of several outputs, ``(B, C, L, V)``.
    """

    channels: slice
    first: int
    last: int
    stride: int
    apply: Callable[[Tensor], Tensor]


def _conv_branch(conv: nn.Conv2d, channels: slice) -> _Branch:
    stride, dilation, pad = conv.stride[0], conv.dilation[0], conv.padding[0]
    last = (conv.kernel_size[0] - 1) * dilation - pad
    if conv.kernel_size[0] == 1:
        return _Branch(channels, 0, 0, stride, lambda x: F.conv2d(x[:, :, ::stride], conv.weight, conv.bias))
    return _Branch(
        channels, -pad, last, stride,
        lambda x: F.conv2d(x, conv.weight, conv.bias, (stride, 1), 0, (dilation, 1), conv.groups),
    )  # fmt: skip


def _pool_branch(pool: nn.MaxPool2d, channels: slice) -> _Branch:
    frames, stride, pad = pool.kernel_size[0], pool.stride[0], pool.padding[0]
    return _Branch(channels, -pad, frames - 1 - pad, stride, lambda x: F.max_pool2d(x, (frames, 1), (stride, 1)))


class _Unit(NamedTuple):
    """A temporal unit: ``enter`` maps each frame to the channels of the branches, ``leave`` processes their outputs."""

    enter: Callable[[Tensor], Tensor]
    branches: list[_Branch]
    leave: Callable[[Tensor], Tensor]


def _multi_scale(unit: MultiScaleTCN) -> _Unit:
    # A branch that is only a 1x1 convolution is computed in ``enter`` too, so that its output is stored, not its input.
    entered = [branch for branch in unit.branches if isinstance(branch, nn.Sequential)]
    plain = [branch for branch in unit.branches if not isinstance(branch, nn.Sequential)]
    widths = [branch[0].out_channels for branch in entered]

    def enter(x: Tensor) -> Tensor:
        parts = []
        if entered:
            y = conv_each(x, (branch[0] for branch in entered))
            parts.append(F.relu_(norm_each(y, (branch[1] for branch in entered), widths)))
        if plain:
            parts.append(conv_each(x, plain))
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]

    begin, branches = {}, []
    offset = 0
    for branch in (*entered, *plain):
        width = (branch[0] if isinstance(branch, nn.Sequential) else branch).out_channels
        begin[id(branch)] = slice(offset, offset + width)
        offset += width
    for branch in unit.branches:
        channels = begin[id(branch)]
        if not isinstance(branch, nn.Sequential):
            stride = branch.stride[0]
            branches.append(_Branch(channels, 0, 0, stride, lambda x, stride=stride: x[:, :, ::stride]))
        elif isinstance(branch[3], TimePool):
            branches.append(_pool_branch(branch[3].pool, channels))
        else:
            branches.append(_conv_branch(branch[3].conv, channels))
    return _Unit(enter, branches, lambda y: unit.bn(unit.transform(y)))


def _temporal(unit: nn.Module) -> _Unit:
    if isinstance(unit, MultiScaleTCN):
        return _multi_scale(unit)
    if isinstance(unit, UnitTCN):
        return _Unit(lambda x: x, [_conv_branch(unit.conv, slice(None))], unit.bn)
    if isinstance(unit, nn.Sequential) and len(unit) == 5:  # Ske2Grid's: norm, ReLU, convolution, norm, dropout
        return _Unit(lambda x: x, [_conv_branch(unit[2], slice(None))], unit[3])
    raise ValueError(f'cannot step temporal unit {type(unit).__name__}; it must be UnitTCN or MultiScaleTCN')


class _Block:
    """A block and the last frames of its input.

    Args:
        block: Has ``residual``, ``has_residual`` and ``relu``.
        spatial: Maps ``(B, C, T, V)`` to the inputs of ``residual`` and ``unit``, frame by frame.
        unit: The block's temporal unit.
    """

    def __init__(self, block: nn.Module, spatial: Callable[[Tensor], tuple[Tensor, Tensor]], unit: _Unit) -> None:
        self.block, self.spatial, self.unit = block, spatial, unit
        self.before = max(-branch.first for branch in unit.branches)
        self.after = max(branch.last for branch in unit.branches)
        self.stride = unit.branches[0].stride
        self.past: list[Tensor] = []  # past frames of the residual and of the branches, (B, C, before + after, V)

    def push(self, index: int, x: Tensor) -> tuple[int, Tensor] | None:
        """Add the input frames ``(B, C, T, V)`` from ``index`` on; return the completed output frames, if any.

        Frames before the very first one count as zeros.

        Returns:
            The index of the first output frame, and the output frames.
        """
        new = x.shape[2]
        windows = []
        own, y = self.spatial(x)
        for part, frames in enumerate((own, self.unit.enter(y))):
            past = self.past[part] if self.past else frames.new_zeros(*self._past_shape(frames))
            windows.append(torch.cat([past, frames], 2))
        self.past = [frames[:, :, new:] for frames in windows]
        start = index - self.before - self.after  # index of the first stored frame
        centre = -(-(index - self.after) // self.stride) * self.stride
        count = (index + new - 1 - self.after - centre) // self.stride + 1
        if count < 1:
            return None
        at, length = centre - start, (count - 1) * self.stride + 1
        parts = []
        for branch in self.unit.branches:
            frames = windows[1][:, branch.channels, at + branch.first : at + branch.last + length]
            parts.append(branch.apply(frames))
        y = self.unit.leave(torch.cat(parts, 1) if len(parts) > 1 else parts[0])
        if self.block.has_residual:
            y = y + self.block.residual(windows[0][:, :, at : at + length])
        return centre // self.stride, self.block.relu(y)

    def _past_shape(self, frames: Tensor) -> tuple[int, ...]:
        return (*frames.shape[:2], self.before + self.after, frames.shape[3])

    def select(self, rows: Tensor) -> None:
        """Continue with ``rows`` of B; the row after the last one has no past."""
        self.past = [_rows(past, rows) for past in self.past]


def _rows(x: Tensor, rows: Tensor) -> Tensor:
    """Return ``x[rows]``, where ``x`` has an additional row of zeros at the end."""
    return torch.cat([x, x.new_zeros(1, *x.shape[1:])])[rows]


def _blocks(backbone: nn.Module) -> list[_Block]:
    if hasattr(backbone, 'st_gcn_networks'):  # Ske2Grid
        return [_Block(block, block.spatial, _temporal(block.tcn2cn)) for block in backbone.st_gcn_networks]
    blocks = getattr(backbone, 'gcn', None)
    if type(backbone).__name__ != 'STGCN' or not all(isinstance(block, STBlock) for block in blocks):
        raise ValueError(
            f'cannot step backbone {type(backbone).__name__} frame by frame; it must be STGCN (ST-GCN, ST-GCN++) or '
            'Ske2Grid'
        )
    return [_Block(block, lambda x, gcn=block.gcn: (x, gcn(x)), _temporal(block.tcn)) for block in blocks]


class ContinualRecognizer:
    """Recognizer that processes frames as they arrive and computes each feature frame once.

    The weights are shared with the given recognizer. Memory does not grow with the number of frames.

    Args:
        recognizer: A recognizer in eval mode, whose backbone is STGCN or Ske2Grid.
        window: Number of frames that the logits depend on; None: the receptive field of one feature frame.

    Attributes:
        receptive_field: Number of frames that one feature frame depends on.
        stride: Number of frames between outputs.
        before: Number of frames from the start of a feature frame's receptive field to its centre.
        delay: Number of frames from the centre of the newest feature frame to the newest frame.

    Raises:
        ValueError: If the backbone is not supported, the recognizer is in training mode, or the window is shorter than
            the receptive field.
    """

    def __init__(self, recognizer: nn.Module, window: int | None = None) -> None:
        self.backbone, self.head = recognizer.backbone, recognizer.cls_head
        if any(module.training for module in recognizer.modules()):
            raise ValueError('cannot step a network in training mode; call eval() first')
        self.blocks = _blocks(self.backbone)
        self.stride, self.before, self.delay = 1, 0, 0
        for block in self.blocks:
            self.before += self.stride * block.before
            self.delay += self.stride * block.after
            self.stride *= block.stride
        self.receptive_field = self.before + self.delay + 1
        window = self.receptive_field if window is None else window
        if window < self.receptive_field:
            raise ValueError(
                f'window must be at least the receptive field, {self.receptive_field} frames, got {window}'
            )
        self.outputs: deque[Tensor] = deque(maxlen=(window - self.receptive_field) // self.stride + 1)
        self.window = self.receptive_field + self.stride * (self.outputs.maxlen - 1)
        self.gate = None
        if hasattr(self.backbone, 'to_grid'):
            self.backbone.refresh()
            self.gate = self.backbone.cell_gate()
        self.reset()

    def reset(self) -> None:
        """Forget all frames."""
        self.index = 0
        self.shape: tuple | None = None
        self.outputs.clear()
        for block in self.blocks:
            block.past = []

    @torch.inference_mode()
    def select(self, rows: Sequence[int | None]) -> None:
        """Continue with the given ones of the N streams, in this order; None: a new stream with a past of zeros.

        The logits of a new stream are valid after ``window`` of its own frames.
        """
        if self.shape is None:
            return
        streams, persons = self.shape[:2]
        source = torch.tensor([streams if row is None else row for row in rows], dtype=torch.long)
        self.shape = (len(rows), *self.shape[1:])
        self.outputs = deque([_rows(each, source) for each in self.outputs], self.outputs.maxlen)
        places = (source[:, None] * persons + torch.arange(persons)).flatten().clamp(max=streams * persons)
        for block in self.blocks:
            block.select(places)

    def _enter(self, keypoint: Tensor) -> Tensor:
        """Normalise the input and, for Ske2Grid, map it to the grid: ``(N, M, T, V, C) -> (B, C, T, V)``."""
        if hasattr(self.backbone, 'to_grid'):
            x = self.backbone.to_grid(self.backbone.normalize(keypoint.flatten(0, 1)))
            return x if self.gate is None else x * self.gate
        return self.backbone.normalize(keypoint).flatten(0, 1).permute(0, 3, 1, 2)

    @torch.inference_mode()
    def advance(self, keypoint: Tensor) -> tuple[int, Tensor] | None:
        """Add frames and return the feature frames that they complete.

        Adding several frames at once costs less than one after another, with the same result.

        Args:
            keypoint: ``(N, M, T, V, C)``, prepared by the pipeline of the network.

        Returns:
            The index of the first feature frame, which depends on the frames from ``stride * index - before`` on, and
            the feature frames ``(N, M, C', T', V')``, with V' joints or cells of the last grid. None if no feature
            frame is complete.

        Raises:
            ValueError: If V or C is not the network's, or N or M changed since the first frame.
        """
        joints = (self.backbone.num_joints, self.backbone.in_channels)
        shape = (*keypoint.shape[:2], *keypoint.shape[3:])
        if keypoint.ndim != 5 or shape[2:] != joints or self.shape not in (None, shape):
            wanted = f'(N, M, {joints[0]}, {joints[1]})' if self.shape is None else f'{self.shape}, as before'
            raise ValueError(f'frames must be (N, M, V, C) = {wanted}, got {shape}')
        self.shape = shape
        index, x = self.index, self._enter(keypoint)
        self.index += keypoint.shape[2]
        for block in self.blocks:
            output = block.push(index, x)
            if output is None:
                return None
            index, x = output
            if self.gate is not None:
                x = x * self.gate
        if self.gate is not None:
            x = x * (len(self.gate) / self.gate.sum().clamp(min=1))
        return index, x.unflatten(0, shape[:2])

    def features(self, keypoint: Tensor) -> Tensor | None:
        """Add a frame ``(N, M, V, C)`` and return the feature frame ``(N, M, C', V')`` that it completes, if any.

        Raises:
            ValueError: As :meth:`advance`.
        """
        found = self.advance(keypoint.unsqueeze(2))
        if found is None or self.stride * found[0] < self.before:
            return None
        return found[1][..., 0, :]

    def step(self, keypoint: Tensor) -> Tensor | None:
        """Add a frame ``(N, M, V, C)`` and return logits ``(N, K)`` if it completes a window, else None.

        The first logits are returned with frame ``window`` or, due to the stride, up to ``stride - 1`` frames later;
        then every ``stride`` frames.

        Raises:
            ValueError: As :meth:`advance`.
        """
        feature = self.features(keypoint)
        if feature is None:
            return None
        self.remember(feature)
        return None if len(self.outputs) < self.outputs.maxlen else self.logits()

    def remember(self, feature: Tensor) -> None:
        """Add a feature frame ``(N, M, C', V')`` to the window."""
        wide = torch.promote_types(feature.dtype, torch.float32)
        self.outputs.append(feature.mean(3, dtype=wide))  # V' is constant: the mean of means is the mean

    @torch.inference_mode()
    def logits(self) -> Tensor:
        """Compute the logits ``(N, K)`` of the window."""
        return self.head(torch.stack(list(self.outputs), 3))
