"""Graph convolution on graphs that are learned from scratch and bent by each sample, in groups of channels.

B = samples times persons, T frames, V joints, C channels, K groups, G channels of a group.
"""

import torch
from torch import Tensor, nn

from pyskl.models.layers.norm_act import build_activation, build_norm

BENDS = ('T', 'NA', None)
ACTIVATIONS = {'softmax': nn.Softmax, 'tanh': nn.Tanh, 'relu': nn.ReLU, 'sigmoid': nn.Sigmoid}


def _activation(name: str, key: str) -> nn.Module:
    if name not in ACTIVATIONS:
        raise ValueError(f'unknown backbone.{key} {name!r}; choose from {sorted(ACTIVATIONS)}')
    return nn.Softmax(dim=-2) if name == 'softmax' else ACTIVATIONS[name]()  # over the joints that are summed


class DGGCN(nn.Module):
    """DG-GCN: K groups of channels, each summed over neighbours on a graph of its own.

    Source: DG-STGCN, https://arxiv.org/abs/2210.05895.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        A: ``(K, V, V)``, learned; ``[k, v, w]`` weighs joint ``v`` into ``w``.
        ratio: Channels of a group as a fraction of ``out_channels``; None is ``1 / K``.
        ctr: What bends the graph channel by channel: the mean over time (``'T'``), each frame (``'NA'``) or nothing.
            ``'NA'`` here or in ``ada`` counts for both.
        ada: What bends it for all channels of a group: the same choice.
        subset_wise: Whether each group weighs the bends by itself; else the first group's weights count for all.
        ada_act: ``'softmax'`` (over the joints summed), ``'tanh'``, ``'relu'`` or ``'sigmoid'``.
        ctr_act: The same choice.
        norm: As :func:`build_norm` takes it.
        act: As :func:`build_activation` takes it.

    Raises:
        ValueError: If a value is unknown, or a group has no channel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        ratio: float | None = 0.25,
        ctr: str | None = 'T',
        ada: str | None = 'T',
        subset_wise: bool = False,
        ada_act: str = 'softmax',
        ctr_act: str = 'tanh',
        norm: str | dict | None = 'BN',
        act: str | dict | None = 'ReLU',
    ) -> None:
        super().__init__()
        for key, value in (('gcn_ctr', ctr), ('gcn_ada', ada)):
            if value not in BENDS:
                raise ValueError(f'unknown backbone.{key} {value!r}; choose from {BENDS}')
        groups = len(A)
        width = int((1 / groups if ratio is None else ratio) * out_channels)
        if width < 1:
            raise ValueError(f'backbone.gcn_ratio={ratio} leaves a group none of {out_channels} channels')
        self.num_groups = groups
        self.ctr, self.ada = ctr is not None, ada is not None
        self.every_frame = 'NA' in (ctr, ada)  # 'NA': not aggregated
        self.weights = slice(None) if subset_wise else slice(1)
        self.A = nn.Parameter(A.clone())
        self.alpha = nn.Parameter(torch.zeros(groups))
        self.beta = nn.Parameter(torch.zeros(groups))
        self.pre = nn.Sequential(
            nn.Conv2d(in_channels, width * groups, 1),
            build_norm(norm, width * groups, 'backbone.gcn_norm'),
            build_activation(act, 'backbone.gcn_act'),
        )
        self.post = nn.Conv2d(width * groups, out_channels, 1)
        if self.ctr or self.ada:
            self.conv1 = nn.Conv2d(in_channels, width * groups, 1)
            self.conv2 = nn.Conv2d(in_channels, width * groups, 1)
        self.ctr_act = _activation(ctr_act, 'gcn_ctr_act')
        self.ada_act = _activation(ada_act, 'gcn_ada_act')
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1), build_norm(norm, out_channels, 'backbone.gcn_norm')
            )
        self.bn = build_norm(norm, out_channels, 'backbone.gcn_norm')
        self.act = build_activation(act, 'backbone.gcn_act')

    def graph(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B or 1, K, G or 1, T or 1, V, V)``."""
        graph = self.A[None, :, None, None]
        if not (self.ctr or self.ada):
            return graph
        summary = x if self.every_frame else x.mean(2, keepdim=True)
        a = self.conv1(summary).unflatten(1, (self.num_groups, -1))  # (B, K, G, T or 1, V)
        b = self.conv2(summary).unflatten(1, (self.num_groups, -1))
        if self.ctr:
            weight = self.alpha[self.weights].view(-1, 1, 1, 1, 1)
            graph = graph + weight * self.ctr_act(a[..., None] - b[..., None, :])
        if self.ada:
            weight = self.beta[self.weights].view(-1, 1, 1, 1, 1)
            similar = torch.einsum('bkgtv,bkgtw->bktvw', a, b)[:, :, None]
            graph = graph + weight * self.ada_act(similar)
        return graph

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        y = self.pre(x).unflatten(1, (self.num_groups, -1))  # (B, K, G, T, V)
        graph = self.graph(x).to(y.dtype)
        y = (y[..., None, :] @ graph)[..., 0, :] if self.every_frame else y @ graph[:, :, :, 0]
        return self.act(self.bn(self.post(y.flatten(1, 2))) + self.down(x))
