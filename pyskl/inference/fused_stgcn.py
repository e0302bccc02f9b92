"""ST-GCN and ST-GCN++ for inference on a CPU: norms folded into convolutions, 1x1 convolutions as matrix products.

The outputs equal those of the original network up to rounding. Feature maps are stored as ``(B, T, V, C)``.

B = samples times persons, T frames, V joints, C channels, K adjacency subsets.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.batch_norm import is_plain
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.graph_conv import UnitGCN
from pyskl.models.layers.snapshot import state_of
from pyskl.models.layers.st_block import STBlock
from pyskl.models.layers.temporal_conv import MultiScaleTCN, UnitTCN
from pyskl.models.layers.time_pool import TimePool


def _affine(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Return scale and shift ``(C,)`` of a BatchNorm2d in eval mode, float64."""
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def _folded(conv: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Fold a norm into the preceding convolution; return weight and bias, float64."""
    scale, shift = _affine(norm)
    return conv.weight.double() * scale.view(-1, 1, 1, 1), conv.bias.double() * scale + shift


class _Fused(nn.Module):
    def hold(self, name: str, tensor: Tensor | None, like: Tensor) -> None:
        """Register a buffer with the dtype of ``like``."""
        if tensor is not None:
            last = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format
            tensor = tensor.to(like.dtype).contiguous(memory_format=last)
        self.register_buffer(name, tensor)


class _Spatial(_Fused):
    """UnitGCN: ``(B, T, V, C) -> (B, T, V, C')``."""

    def __init__(self, unit: UnitGCN) -> None:
        super().__init__()
        like, subsets = unit.conv.weight, unit.num_subsets
        scale, shift = _affine(unit.bn)
        adjacency = unit.adjacency().double()
        weight = unit.conv.weight.double()[..., 0, 0].unflatten(0, (subsets, -1)) * scale[:, None]
        # The bias of the convolution is multiplied by the adjacency, so that it differs between joints.
        bias = (
            torch.einsum('kvw,kc->wc', adjacency, unit.conv.bias.double().unflatten(0, (subsets, -1))) * scale + shift
        )
        down = None
        if isinstance(unit.down, nn.Sequential):
            down, own = _folded(*unit.down)
            down, bias = down[..., 0, 0].t(), bias + own
        self.with_res = unit.with_res
        self.hold('weight', weight.flatten(0, 1).t(), like)
        self.hold('adjacency', adjacency.permute(2, 1, 0).flatten(1), like)
        self.hold('bias', bias, like)
        self.hold('down', down, like)

    def forward(self, x: Tensor) -> Tensor:
        b, t, v, c = x.shape
        rows = x.reshape(-1, c)
        y = torch.mm(rows, self.weight).view(b * t, -1, self.bias.shape[1])  # (B * T, V * K, C')
        adjacency = self.adjacency.expand(b * t, -1, -1)
        if self.with_res:
            residual = rows if self.down is None else torch.mm(rows, self.down)
            y = torch.baddbmm(residual.view(b * t, v, -1), adjacency, y)
        else:
            y = torch.bmm(adjacency, y)
        return y.add_(self.bias).relu_().view(b, t, v, -1)


class _OneKernel(_Fused):
    """UnitTCN: ``(B, T, V, C) -> (B, T', V, C')``; returns a new tensor."""

    def __init__(self, unit: UnitTCN) -> None:
        super().__init__()
        weight, bias = _folded(unit.conv, unit.bn)
        self.stride, self.padding, self.dilation = unit.conv.stride, unit.conv.padding, unit.conv.dilation
        self.hold('weight', weight, unit.conv.weight)
        self.hold('bias', bias, unit.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.shape[2] == 1:
            return F.linear(x[:, :: self.stride[0]].contiguous(), self.weight[..., 0, 0], self.bias)
        y = F.conv2d(x.permute(0, 3, 1, 2), self.weight, self.bias, self.stride, self.padding, self.dilation)
        return y.permute(0, 2, 3, 1)


class _MultiScale(_Fused):
    """MultiScaleTCN: ``(B, T, V, C) -> (B, T', V, C')``; returns a new tensor."""

    def __init__(self, unit: MultiScaleTCN) -> None:
        super().__init__()
        like = unit.transform[2].weight
        norm, _, mix = unit.transform
        scale, shift = _affine(norm)
        self.kinds, self.pools, self.convs = [], nn.ModuleList(), []
        weights, biases = [], []
        at = 0
        for number, branch in enumerate(unit.branches):
            last = branch[3] if isinstance(branch, nn.Sequential) else branch
            width = (branch[0] if isinstance(branch, nn.Sequential) else branch).out_channels
            own = slice(at, at + width)
            at += width
            if isinstance(branch, nn.Sequential):
                weight, bias = _folded(branch[0], branch[1])
                weights.append(weight)
                biases.append(bias)
            if isinstance(last, TimePool):  # the scale may be negative and must be applied after the maximum
                self.kinds.append(('pool', width, last.pool.stride, None, None))
                self.pools.append(copy.deepcopy(last))
                weight, bias = scale[own].view(-1, 1, 1), shift[own].view(-1, 1, 1)
            else:
                conv = last.conv if isinstance(last, UnitTCN) else last
                kind = 'conv' if isinstance(branch, nn.Sequential) else 'plain'
                self.kinds.append((kind, width, conv.stride, conv.padding, conv.dilation))
                self.pools.append(nn.Identity())
                weight = conv.weight.double() * scale[own].view(-1, 1, 1, 1)
                bias = conv.bias.double() * scale[own] + shift[own]
            self.hold(f'weight_{number}', weight, like)
            self.hold(f'bias_{number}', bias, like)
        self.hold('enter_weight', torch.cat(weights)[..., 0, 0] if weights else None, like)
        self.hold('enter_bias', torch.cat(biases) if biases else None, like)
        weight, bias = _folded(mix, unit.bn)
        self.hold('leave_weight', weight[..., 0, 0], like)
        self.hold('leave_bias', bias, like)

    def forward(self, x: Tensor) -> Tensor:
        entered = None
        if self.enter_weight is not None:
            entered = F.linear(x, self.enter_weight, self.enter_bias).relu_().permute(0, 3, 1, 2)
        parts, at = [], 0
        for number, (kind, width, stride, padding, dilation) in enumerate(self.kinds):
            weight, bias = getattr(self, f'weight_{number}'), getattr(self, f'bias_{number}')
            if kind == 'plain':
                y = F.linear(x[:, :: stride[0]].contiguous(), weight[..., 0, 0], bias).permute(0, 3, 1, 2)
            else:
                y = entered[:, at : at + width]
                at += width
                if kind == 'pool':
                    y = torch.addcmul(bias, self.pools[number](y), weight)
                else:
                    y = F.conv2d(y, weight, bias, stride, padding, dilation)
            parts.append(y)
        y = torch.cat(parts, 1).permute(0, 2, 3, 1)
        return F.linear(y.relu_(), self.leave_weight, self.leave_bias)


class _Block(nn.Module):
    """STBlock: ``(B, T, V, C) -> (B, T', V, C')``."""

    def __init__(self, block: STBlock) -> None:
        super().__init__()
        self.gcn = _Spatial(block.gcn)
        self.tcn = _OneKernel(block.tcn) if isinstance(block.tcn, UnitTCN) else _MultiScale(block.tcn)
        self.has_residual = block.has_residual
        self.residual = _OneKernel(block.residual) if isinstance(block.residual, UnitTCN) else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.tcn(self.gcn(x))
        if self.has_residual:
            y = y.add_(self.residual(x))
        return y.relu_()


class FusedSTGCN(GCNBackbone):
    """A fused copy of an STGCN in eval mode.

    Args:
        backbone: A backbone for which :func:`can_fuse` is true.
    """

    shares_absent = True

    def __init__(self, backbone: GCNBackbone) -> None:
        super().__init__(backbone.num_joints, backbone.in_channels, backbone.num_person, backbone.data_bn_type)
        self.data_bn = copy.deepcopy(backbone.data_bn)
        self.gcn = nn.ModuleList(_Block(block) for block in backbone.gcn)
        self.eval().requires_grad_(False)

    def encode(self, x: Tensor) -> Tensor:
        """Compute the features, ``(B, C, T, V) -> (B, C', T', V)``."""
        x = x.permute(0, 2, 3, 1)
        for block in self.gcn:
            x = block(x)
        return x.permute(0, 3, 1, 2)


def can_fuse(backbone: nn.Module) -> bool:
    """Return whether the backbone is an STGCN on a CPU with BatchNorm2d as norms and ReLU as activations."""
    if type(backbone).__name__ != 'STGCN' or next(backbone.parameters()).device.type != 'cpu':
        return False
    for block in backbone.gcn:
        gcn, tcn = block.gcn, block.tcn
        if type(block) is not STBlock or type(gcn) is not UnitGCN or type(tcn) not in (UnitTCN, MultiScaleTCN):
            return False
        norms = [module for module in block.modules() if isinstance(module, nn.modules.batchnorm._NormBase)]
        missing = isinstance(gcn.bn, nn.Identity) or (type(tcn) is UnitTCN and isinstance(tcn.bn, nn.Identity))
        if not gcn.conv_first or not isinstance(gcn.act, nn.ReLU) or missing or not all(map(is_plain, norms)):
            return False
    return True


class FastRecognizer:
    """Run a recognizer with a fused backbone where possible. Its weights may change between calls.

    Args:
        recognizer: A recognizer with a backbone and a head.
    """

    def __init__(self, recognizer: nn.Module) -> None:
        self.recognizer = recognizer
        self._fused = self._snapshot = None

    def __call__(self, **inputs) -> Tensor:
        backbone = getattr(self.recognizer, 'backbone', None)
        if backbone is None or not can_fuse(backbone):
            return self.recognizer(**inputs)
        state = state_of(self.recognizer)
        if state is None:
            return self.recognizer(**inputs)
        if self._snapshot != state:
            self._fused = copy.copy(self.recognizer)
            self._fused._modules = {**self.recognizer._modules, 'backbone': FusedSTGCN(backbone)}
            self._snapshot = state.copy()
        return self._fused(**inputs)
