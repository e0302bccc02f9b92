"""Convolution over a skeleton graph.

B = samples times persons, T frames, V joints, C channels, K adjacency subsets.
"""

import torch
from torch import Tensor, nn

from pyskl.models.layers.convolution import Conv2d, on_cpu, pointwise
from pyskl.models.layers.fused_branches import ConvNorm
from pyskl.models.layers.norm_act import build_activation, build_norm
from pyskl.models.layers.residual import add_to

ADAPTIVE = (None, 'init', 'offset', 'importance')


class UnitGCN(nn.Module):
    """1x1 convolution and a weighted sum over neighbouring joints, in either order.

    Source: ST-GCN, https://arxiv.org/abs/1801.07455, as PYSKL generalises it.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        A: ``(K, V, V)``; ``[k, v, w]`` weighs joint ``v`` into ``w``.
        adaptive: What is learned of the graph: None (nothing), ``'init'`` (all of it), ``'offset'`` (a matrix added),
            ``'importance'`` (a matrix multiplied).
        conv_pos: Convolution ``'pre'`` or ``'post'`` the sum.
        with_res: Whether the input is added before the activation.
        norm: As :func:`build_norm` takes it.
        act: As :func:`build_activation` takes it.

    Raises:
        ValueError: If ``adaptive`` or ``conv_pos`` is unknown.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        adaptive: str | None = 'importance',
        conv_pos: str = 'pre',
        with_res: bool = False,
        norm: str | dict | None = 'BN',
        act: str | dict | None = 'ReLU',
    ) -> None:
        super().__init__()
        if adaptive not in ADAPTIVE:
            raise ValueError(f'unknown backbone.gcn_adaptive {adaptive!r}; choose from {ADAPTIVE}')
        if conv_pos not in ('pre', 'post'):
            raise ValueError(f"backbone.gcn_conv_pos must be 'pre' or 'post', got {conv_pos!r}")
        self.num_subsets = len(A)
        self.conv_first = conv_pos == 'pre'
        self.widens = in_channels < out_channels
        self.with_res = with_res
        self.adaptive = adaptive
        if adaptive == 'init':
            self.A = nn.Parameter(A.clone())
        else:
            self.register_buffer('A', A.clone())
        if adaptive == 'offset':
            self.PA = nn.Parameter(torch.empty_like(A).uniform_(-1e-6, 1e-6))
        elif adaptive == 'importance':
            self.PA = nn.Parameter(torch.ones_like(A))
        if self.conv_first:
            self.conv = Conv2d(in_channels, out_channels * self.num_subsets, 1)
        else:
            self.conv = Conv2d(in_channels * self.num_subsets, out_channels, 1)
        self.bn = build_norm(norm, out_channels, 'backbone.gcn_norm')
        self.act = build_activation(act, 'backbone.gcn_act')
        self.down = nn.Identity()
        if with_res and in_channels != out_channels:
            self.down = ConvNorm(
                Conv2d(in_channels, out_channels, 1), build_norm(norm, out_channels, 'backbone.gcn_norm')
            )

    def extra_repr(self) -> str:
        return (
            f'subsets={self.num_subsets}, joints={self.A.shape[1]}, adaptive={self.adaptive!r}, '
            f'conv_pos={"pre" if self.conv_first else "post"!r}, with_res={self.with_res}'
        )

    def adjacency(self) -> Tensor:
        """``(K, V, V)``, as learned so far."""
        if self.adaptive == 'offset':
            return self.A + self.PA
        return self.A * self.PA if self.adaptive == 'importance' else self.A

    def joint_bias(self) -> Tensor:
        """``(C_out, 1, V)``: what the bias of the convolution before the sum adds to each joint."""
        each = self.conv.bias.view(self.num_subsets, -1)  # (K, C_out)
        return (each.t() @ self.adjacency().sum(1).to(each.dtype))[:, None]

    def gather(self, x: Tensor) -> Tensor:
        """``(B, K, C, T, V) -> (B, C, T, V)``: ``y[w] = sum over k, v of A[k, v, w] x[k, v]``.

        Joints and subsets are the rows of one small matrix product per frame, so channels-last maps are not copied.
        """
        b, k, c, t, v = x.shape
        weight = self.adjacency().permute(2, 1, 0).reshape(v, v * k).to(x.dtype)  # w, (v, k)
        rows = x.permute(0, 3, 4, 1, 2).reshape(b * t, v * k, c)
        return torch.bmm(weight.expand(b * t, -1, -1), rows).view(b, t, v, c).permute(0, 3, 1, 2)

    def scatter(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, K * C, T, V)``: ``y[k, w] = sum over v of A[k, v, w] x[v]``."""
        b, c, t, v = x.shape
        weight = self.adjacency().permute(2, 0, 1).reshape(v * self.num_subsets, v).to(x.dtype)  # (w, k), v
        rows = x.permute(0, 2, 3, 1).reshape(b * t, v, c)
        return torch.bmm(weight.expand(b * t, -1, -1), rows).view(b, t, v, -1).permute(0, 3, 1, 2)

    def _sums_first(self, x: Tensor) -> bool:
        conv = self.conv
        observed = conv._forward_hooks or conv._forward_pre_hooks  # hooks see the convolution of the published order
        return self.widens and on_cpu(x) and type(conv) is Conv2d and not observed

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        if self.conv_first and self._sums_first(x):
            # The same sums, of fewer channels: W (x A) is (W x) A.
            weight = self.conv.weight.unflatten(0, (self.num_subsets, -1)).transpose(0, 1).flatten(1, 2)
            y = add_to(pointwise(self.scatter(x), weight, None), self.joint_bias())
        elif self.conv_first:
            y = self.gather(self.conv(x).unflatten(1, (self.num_subsets, -1)))
        else:
            y = self.conv(self.scatter(x))
        y = self.bn(y)
        if self.with_res:
            y = add_to(y, self.down(x))
        return self.act(y)
