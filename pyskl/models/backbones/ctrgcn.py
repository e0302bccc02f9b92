"""CTR-GCN.

Source: https://arxiv.org/abs/2107.12213, as PYSKL builds it, or as its own repository does.

N samples, M persons, B = N * M, T frames, V joints, C channels, K adjacency subsets, R channels of the refinement.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pyskl.models.graphs import build_adjacency
from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.convolution import Conv2d, on_cpu
from pyskl.models.layers.fused_branches import ConvNorm, conv_each
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.multi_branch_tcn import MultiBranchTCN
from pyskl.models.layers.residual import add_to
from pyskl.models.layers.stages import stage_plan
from pyskl.models.layers.temporal_conv import UnitTCN
from pyskl.models.layers.weight_init import conv_init, norm_init
from pyskl.registry import MODELS, check_arguments

# Per variant: which joint of the graph is summed over, and the input widths with 8 channels in the refinement.
_SUMS = {'pyskl': 'bkcvw,bkctv->bctw', 'original': 'bkcwv,bkctv->bctw'}
_NARROW = {'pyskl': range(17), 'original': {*range(8), 9}}  # the original divides by 8 except for 3 and 9 channels
VARIANTS = tuple(_SUMS)


class _Refinement(nn.Module):
    """The convolutions of one subset, as checkpoints hold them; :class:`CTRGC` computes all subsets at once."""

    def __init__(self, in_channels: int, out_channels: int, width: int) -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, width, 1)
        self.conv2 = Conv2d(in_channels, width, 1)
        self.conv3 = Conv2d(in_channels, out_channels, 1)
        self.conv4 = Conv2d(width, out_channels, 1)


class _SumOverGraphs(torch.autograd.Function):
    """``sum over k of (W_k x + b_k) G_k`` by batches of matrix products, none of which needs a copy of the maps.

    ``b_k G_k`` is the same for every frame, so biases are added once, after the sum.

    Arguments: x ``(B, C_in, T, V)``, contiguous; weight ``(K * C, C_in, 1, 1)``; bias ``(K * C,)``; then K graphs
    ``(B, C, V, V)``, of which ``[v, w]`` weighs joint ``v`` into ``w``. The result is ``(B, C, T, V)``.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, *graphs: Tensor) -> Tensor:
        (b, _, t, v), subsets = x.shape, len(graphs)
        weights = weight.flatten(1).unflatten(0, (subsets, -1))  # (K, C, C_in)
        biases = bias.view(subsets, -1, 1)
        joints = x.flatten(2)
        values, y, shift = [], None, 0
        for k, graph in enumerate(graphs):
            shift = shift + biases[k] * graph.sum(2)  # (B, C, V)
            value = torch.bmm(weights[k].expand(b, -1, -1), joints).view(-1, t, v)  # (B * C, T, V)
            graph = graph.flatten(0, 1)
            y = torch.bmm(value, graph) if y is None else y.baddbmm_(value, graph)
            values.append(value)
        ctx.save_for_backward(x, weight, bias, *graphs, *values)
        return y.view(b, -1, t, v).add_(shift[:, :, None])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, *rest = ctx.saved_tensors
        subsets = len(rest) // 2
        graphs, values = rest[:subsets], rest[subsets:]
        weights = weight.flatten(1).unflatten(0, (subsets, -1))
        biases = bias.view(subsets, -1, 1)
        b, _, t, v = x.shape
        joints = x.flatten(2).transpose(1, 2)  # (B, T * V, C_in)
        grad = grad.contiguous().view(-1, t, v)  # (B * C, T, V)
        over_time = grad.sum(1, keepdim=True)
        grad_x, grad_weights, grad_biases, grad_graphs = None, [], [], []
        for k in range(subsets):
            graph = graphs[k].flatten(0, 1).transpose(1, 2)
            constant = (biases[k] * over_time.view(b, -1, v)).view(-1, 1, v)
            grad_graphs.append(torch.baddbmm(constant, values[k].transpose(1, 2), grad).view_as(graphs[k]))
            grad_value = torch.bmm(grad, graph).view(b, -1, t * v)  # (B, C, T * V)
            grad_biases.append(torch.bmm(over_time, graph).view(b, -1, v).sum((0, 2)))
            grad_weights.append(torch.bmm(grad_value, joints).sum(0))
            turned = weights[k].t().expand(b, -1, -1)
            if ctx.needs_input_grad[0]:
                grad_x = torch.bmm(turned, grad_value) if grad_x is None else grad_x.baddbmm_(turned, grad_value)
        grad_x = None if grad_x is None else grad_x.view_as(x)
        return grad_x, torch.cat(grad_weights).view_as(weight), torch.cat(grad_biases), *grad_graphs


class CTRGC(nn.Module):
    """Channel-wise topology refinement: ``A + alpha * conv4(tanh(a_u - b_v))``, one matrix per channel.

    Source: CTR-GCN, https://arxiv.org/abs/2107.12213.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        A: ``(K, V, V)``, learned.
        variant: ``'pyskl'``: ``[k, v, w]`` weighs joint ``v`` into ``w``. ``'original'``: ``w`` into ``v``.
    """

    def __init__(self, in_channels: int, out_channels: int, A: Tensor, variant: str = 'pyskl') -> None:
        super().__init__()
        width = 8 if in_channels in _NARROW[variant] else in_channels // 8
        self.sum = _SUMS[variant]
        self.A = nn.Parameter(A.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.convs = nn.ModuleList(_Refinement(in_channels, out_channels, width) for _ in A)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = ConvNorm(Conv2d(in_channels, out_channels, 1), BatchNorm2d(out_channels))
        self.bn = BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                conv_init(module)
        norm_init(self.bn, 1e-6)

    def extra_repr(self) -> str:
        return f'subsets={len(self.convs)}, joints={self.A.shape[1]}'

    def differences(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, K * R, V, V)``: how each joint differs from each other, squashed by tanh."""
        convs = [*(conv.conv1 for conv in self.convs), *(conv.conv2 for conv in self.convs)]
        joints = conv_each(x.mean(2, keepdim=True), convs)[:, :, 0].unflatten(1, (2, -1))  # (B, 2, K * R, V)
        return (joints[:, 0, :, :, None] - joints[:, 1, :, None]).tanh()

    def graph(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, K, C_out, V, V)``."""
        refining = (conv.conv4 for conv in self.convs)
        refined = conv_each(self.differences(x), refining, apart=True, scale=self.alpha)
        return refined.unflatten(1, (len(self.convs), -1)) + self.A[:, None]

    def graph_of_each(self, x: Tensor) -> list[Tensor]:
        """:meth:`graph` as K separate tensors ``(B, C_out, V, V)``."""
        graphs = []
        each = self.differences(x).unflatten(1, (len(self.convs), -1)).flatten(3).unbind(1)  # K of (B, R, V * V)
        for differ, conv, A in zip(each, self.convs, self.A, strict=True):
            weight, bias = self.alpha * conv.conv4.weight.flatten(1), self.alpha * conv.conv4.bias
            graph = torch.baddbmm(bias[:, None] + A.flatten(), weight.expand(len(x), -1, -1), differ)
            graphs.append(graph.unflatten(2, A.shape))
        return graphs

    def sum_over_joints(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``: each subset's convolution, summed over its refined graph."""
        values = [conv.conv3 for conv in self.convs]
        if not (on_cpu(x) and x.is_contiguous()):
            y = conv_each(x, values).unflatten(1, (len(values), -1))
            return torch.einsum(self.sum, self.graph(x).to(y.dtype), y)
        graphs = self.graph_of_each(x)
        if self.sum == _SUMS['original']:
            graphs = [graph.transpose(2, 3) for graph in graphs]
        weight, bias = torch.cat([conv.weight for conv in values]), torch.cat([conv.bias for conv in values])
        return _SumOverGraphs.apply(x, weight, bias, *graphs)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        return self.relu(add_to(self.bn(self.sum_over_joints(x)), self.down(x)))


# Standard deviation of the temporal norms' initial weights.
_NORM_SPREAD = {'pyskl': 0.0, 'original': 0.02}


class CTRGCNBlock(nn.Module):
    """Refined graph convolution, temporal branches, residual.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        A: ``(K, V, V)``; the block has its own copy.
        stride: In time.
        residual: Whether the input is added at the end.
        kernel_size: Of the temporal branches, see :class:`MultiBranchTCN`.
        dilations: Of the temporal branches.
        dropout: Dropout rate after the temporal branches.
        variant: See :class:`CTRGCN`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        stride: int,
        residual: bool,
        kernel_size: int | Sequence[int],
        dilations: Sequence[int],
        dropout: float,
        variant: str,
    ) -> None:
        super().__init__()
        self.gcn1 = CTRGC(in_channels, out_channels, A, variant)
        self.tcn1 = MultiBranchTCN(
            out_channels, out_channels, kernel_size, stride, dilations, residual=False, act=variant == 'pyskl',
            dropout=dropout,
        )  # fmt: skip
        self.tcn1.init_weights(_NORM_SPREAD[variant])
        self.has_residual = residual
        self.residual = nn.Identity()
        if residual and (stride != 1 or in_channels != out_channels):
            self.residual = UnitTCN(in_channels, out_channels, kernel_size=1, stride=stride)
            if variant == 'original':
                conv_init(self.residual.conv)
        self.relu = nn.ReLU(inplace=residual)  # without the sum the branches' ReLU needs its output

    def extra_repr(self) -> str:
        return f'residual={self.has_residual}'

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V)``."""
        y = self.tcn1(self.gcn1(x))
        if self.has_residual:
            y = y + self.residual(x)
        return self.relu(y)


@MODELS.register_module()
class CTRGCN(GCNBackbone):
    """CTR-GCN.

    Args:
        graph_cfg: Arguments of :func:`build_adjacency`.
        in_channels: Channels per joint.
        base_channels: Channels of the first block.
        num_stages: Blocks.
        inflate_stages: Blocks, from 1, that double the channels.
        down_stages: Blocks, from 1, that halve the frames.
        pretrained: A checkpoint that the engine loads into the backbone; only stored here.
        num_person: M; each person has its own input norm.
        kernel_size: Frames of the temporal convolutions, or one number for each of ``dilations``.
        dilations: Of the temporal convolutions.
        tcn_dropout: Dropout rate after the temporal branches, in every stage but the first.
        variant: Whose weights fit. ``'pyskl'``: the graph is summed over its first joint and a ReLU follows the
            temporal branches. ``'original'``: over its second, no ReLU, other initial weights, no buffer ``A``, and
            8 channels in the refinement only if the input has 9 or fewer than 8.

    Raises:
        ValueError: If ``variant`` is unknown, or a number does not fit the channels.
    """

    shares_absent = True

    def __init__(
        self,
        graph_cfg: dict,
        in_channels: int = 3,
        base_channels: int = 64,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        pretrained: str | None = None,
        num_person: int = 2,
        kernel_size: int | Sequence[int] = 5,
        dilations: Sequence[int] = (1, 2),
        tcn_dropout: float = 0.0,
        variant: str = 'pyskl',
    ) -> None:
        check_arguments(build_adjacency, graph_cfg, 'graph_cfg')
        if variant not in VARIANTS:
            raise ValueError(f'unknown backbone.variant {variant!r}; choose from {VARIANTS}')
        A = build_adjacency(**graph_cfg)
        super().__init__(A.shape[1], in_channels, num_person, 'MVC')
        self.pretrained = pretrained
        self.variant = variant
        if variant == 'pyskl':
            self.register_buffer('A', A)  # in published files; the blocks have their own copies
        self.net = nn.ModuleList(
            CTRGCNBlock(
                narrow, wide, A, stride, index > 1, kernel_size, dilations, tcn_dropout if index > 1 else 0.0, variant
            )
            for index, narrow, wide, stride in stage_plan(
                in_channels, base_channels, num_stages, inflate_stages, down_stages
            )
        )

    def encode(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C', T', V)``."""
        x = x.contiguous()
        for block in self.net:
            x = block(x)
        return x
