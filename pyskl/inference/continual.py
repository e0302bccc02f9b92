"""ST-GCN, ST-GCN++ and Ske2Grid one frame at a time: temporal convolutions remember the frames that they still need.

Source: Hedegaard et al., "Continual Spatio-Temporal Graph Convolutional Networks", https://arxiv.org/abs/2203.11009;
here with dilation, branches of different reach, maxima over time and strides too.

Nothing is padded in time. A network in eval mode maps frames ``i`` of a clip to feature frames ``j``, each a function
of the frames from ``stride * j - before`` to ``stride * j + after``; near the ends of the clip some of these are
padding. The feature frames computed here are exactly those of which none is, whatever the length of the clip. The
logits are the head's on the newest of them, so ``window`` frames in all.

N streams, M persons, B = N * M, V joints or cells, C channels, K classes.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.fused_branches import conv_each, norm_each
from pyskl.models.layers.st_block import STBlock
from pyskl.models.layers.temporal_conv import MultiScaleTCN, UnitTCN
from pyskl.models.layers.time_pool import TimePool


class _Taps(NamedTuple):
    """An operation over time: output ``j`` is ``apply`` of the frames ``stride * j + offset``, ``(B, C, taps, V)``."""

    offsets: tuple[int, ...]
    stride: int
    apply: Callable[[Tensor], Tensor]


def _conv_taps(conv: nn.Conv2d) -> _Taps:
    offsets = tuple(n * conv.dilation[0] - conv.padding[0] for n in range(conv.kernel_size[0]))
    return _Taps(offsets, conv.stride[0], lambda x: F.conv2d(x, conv.weight, conv.bias, groups=conv.groups))


def _pool_taps(pool: nn.MaxPool2d) -> _Taps:
    offsets = tuple(n - pool.padding[0] for n in range(pool.kernel_size[0]))
    return _Taps(offsets, pool.stride[0], lambda x: x.amax(2, keepdim=True))


class _Unit(NamedTuple):
    """A temporal unit: ``enter`` gives one input per branch, frame by frame; ``leave`` takes the joined outputs."""

    enter: Callable[[Tensor], list[Tensor]]
    branches: list[_Taps]
    leave: Callable[[Tensor], Tensor]


def _multi_scale(unit: MultiScaleTCN) -> _Unit:
    entered = [branch for branch in unit.branches if isinstance(branch, nn.Sequential)]
    widths = [branch[0].out_channels for branch in entered]

    def enter(x: Tensor) -> list[Tensor]:
        if not entered:
            return [x] * len(unit.branches)
        y = F.relu_(norm_each(conv_each(x, (branch[0] for branch in entered)), (b[1] for b in entered), widths))
        parts = iter(y.split(widths, 1))
        return [next(parts) if isinstance(branch, nn.Sequential) else x for branch in unit.branches]

    taps = []
    for branch in unit.branches:
        last = branch[3] if isinstance(branch, nn.Sequential) else branch
        if isinstance(last, TimePool):
            taps.append(_pool_taps(last.pool))
        else:
            taps.append(_conv_taps(last.conv if isinstance(last, UnitTCN) else last))
    return _Unit(enter, taps, lambda y: unit.bn(unit.transform(y)))


def _temporal(unit: nn.Module) -> _Unit:
    if isinstance(unit, MultiScaleTCN):
        return _multi_scale(unit)
    if isinstance(unit, UnitTCN):
        return _Unit(lambda x: [x], [_conv_taps(unit.conv)], unit.bn)
    if isinstance(unit, nn.Sequential) and len(unit) == 5:  # Ske2Grid's: norm, ReLU, convolution, norm, dropout
        return _Unit(lambda x: [x], [_conv_taps(unit[2])], unit[3])
    raise ValueError(f'a temporal unit {type(unit).__name__} cannot be stepped; UnitTCN and MultiScaleTCN can')


class _Block:
    """A block and the last frames of its input.

    Args:
        block: Has ``residual``, ``has_residual`` and ``relu``.
        spatial: ``(B, C, 1, V)`` -> what ``residual`` and what ``unit`` takes, each ``(B, C, 1, V)``.
        unit: The block's temporal unit.
    """

    def __init__(self, block: nn.Module, spatial: Callable[[Tensor], tuple[Tensor, Tensor]], unit: _Unit) -> None:
        self.block, self.spatial, self.unit = block, spatial, unit
        self.before = max(-taps.offsets[0] for taps in unit.branches)
        self.after = max(taps.offsets[-1] for taps in unit.branches)
        self.stride = unit.branches[0].stride
        self.frames: deque = deque(maxlen=self.before + self.after + 1)

    def push(self, index: int, x: Tensor) -> tuple[int, Tensor] | None:
        """Frame ``index`` of the input, ``(B, C, 1, V)`` -> a frame of the output and its index, if one is complete."""
        own, y = self.spatial(x)
        self.frames.append((own, self.unit.enter(y)))
        if len(self.frames) < self.frames.maxlen or (index - self.after) % self.stride:
            return None
        parts = []
        for branch, taps in enumerate(self.unit.branches):
            frames = [self.frames[self.before + offset][1][branch] for offset in taps.offsets]
            parts.append(taps.apply(torch.cat(frames, 2)))
        y = self.unit.leave(torch.cat(parts, 1))
        if self.block.has_residual:
            y = y + self.block.residual(self.frames[self.before][0])
        return (index - self.after) // self.stride, self.block.relu(y)


def _blocks(backbone: nn.Module) -> list[_Block]:
    if hasattr(backbone, 'st_gcn_networks'):  # Ske2Grid
        return [_Block(block, block.spatial, _temporal(block.tcn2cn)) for block in backbone.st_gcn_networks]
    blocks = getattr(backbone, 'gcn', None)
    if type(backbone).__name__ != 'STGCN' or not all(isinstance(block, STBlock) for block in blocks):
        raise ValueError(
            f'a backbone {type(backbone).__name__} cannot be stepped frame by frame; STGCN (ST-GCN, ST-GCN++) and '
            'Ske2Grid can'
        )
    return [_Block(block, lambda x, gcn=block.gcn: (x, gcn(x)), _temporal(block.tcn)) for block in blocks]


class ContinualRecognizer:
    """A recognizer that takes one frame per call and computes each feature frame once.

    The weights are the recognizer's own, not a copy. Memory does not grow with the number of frames.

    Args:
        recognizer: A backbone and a head, in eval mode; its backbone is STGCN or Ske2Grid.
        window: Frames that the logits depend on; None: the receptive field of one feature frame.

    Attributes:
        receptive_field: Frames that one feature frame depends on.
        stride: Frames from one output to the next.
        delay: Frames from the centre of the newest feature frame to the newest frame.

    Raises:
        ValueError: If the backbone is another one, the recognizer is in training mode, or the window is shorter than
            the receptive field.
    """

    def __init__(self, recognizer: nn.Module, window: int | None = None) -> None:
        self.backbone, self.head = recognizer.backbone, recognizer.cls_head
        if any(module.training for module in recognizer.modules()):
            raise ValueError('a network in training mode cannot be stepped frame by frame; call its eval() first')
        self.blocks = _blocks(self.backbone)
        self.stride, before, self.delay = 1, 0, 0
        for block in self.blocks:
            before += self.stride * block.before
            self.delay += self.stride * block.after
            self.stride *= block.stride
        self.receptive_field = before + self.delay + 1
        window = self.receptive_field if window is None else window
        if window < self.receptive_field:
            raise ValueError(f'window is {window} frames, but the receptive field has {self.receptive_field}')
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
            block.frames.clear()

    def _enter(self, keypoint: Tensor) -> Tensor:
        """``(N, M, V, C) -> (B, C, 1, V)``: normalised, for Ske2Grid on the grid."""
        x = keypoint[:, :, None]
        if hasattr(self.backbone, 'to_grid'):
            x = self.backbone.to_grid(self.backbone.normalize(x.flatten(0, 1)))
            return x if self.gate is None else x * self.gate
        return self.backbone.normalize(x).flatten(0, 1).permute(0, 3, 1, 2)

    @torch.inference_mode()
    def features(self, keypoint: Tensor) -> Tensor | None:
        """Take a frame; the backbone's next feature frame where this one completes it, else None.

        Args:
            keypoint: ``(N, M, V, C)``, as the pipeline of the network prepares it.

        Returns:
            ``(N, M, C', V')``; V' joints, or the cells of the last grid.

        Raises:
            ValueError: If V or C is not the network's, or N or M changed since the first frame.
        """
        joints = (self.backbone.num_joints, self.backbone.in_channels)
        shape = tuple(keypoint.shape)
        if len(shape) != 4 or shape[2:] != joints or self.shape not in (None, shape):
            wanted = f'(N, M, {joints[0]}, {joints[1]})' if self.shape is None else f'{self.shape}, as so far'
            raise ValueError(f'a frame is {shape}, (N, M, V, C); it must be {wanted}')
        self.shape = shape
        index, x = self.index, self._enter(keypoint)
        self.index += 1
        for block in self.blocks:
            output = block.push(index, x)
            if output is None:
                return None
            index, x = output
            if self.gate is not None:
                x = x * self.gate
        if self.gate is not None:
            x = x * (len(self.gate) / self.gate.sum().clamp(min=1))
        return x[:, :, 0].unflatten(0, shape[:2])

    @torch.inference_mode()
    def step(self, keypoint: Tensor) -> Tensor | None:
        """Take a frame ``(N, M, V, C)``; logits ``(N, K)`` where it completes a window, else None.

        The first logits come with frame ``window`` or, for the stride, up to ``stride - 1`` frames later; then every
        ``stride`` frames.

        Raises:
            ValueError: As :meth:`features`.
        """
        feature = self.features(keypoint)
        if feature is None:
            return None
        wide = torch.promote_types(feature.dtype, torch.float32)
        self.outputs.append(feature.mean(3, dtype=wide))  # V' is the same in all: a mean of means is the mean
        if len(self.outputs) < self.outputs.maxlen:
            return None
        return self.head(torch.stack(list(self.outputs), 3))
