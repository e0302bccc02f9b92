"""InfoGCN's graph convolution: joints attend to one another in every frame, within a learned topology.

B = samples times persons, T frames, V joints, C channels, H heads, D channels of a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.weight_init import branch_init, conv_init, norm_init


class JointAttention(nn.Module):
    """How much each joint looks at each other one, frame by frame.

    Args:
        in_channels: C.
        num_heads: H.

    Raises:
        ValueError: If there are fewer than eight channels.
    """

    def __init__(self, in_channels: int, num_heads: int) -> None:
        super().__init__()
        if in_channels < 8:
            raise ValueError(f'backbone.base_channels must be at least 8, got {in_channels}')
        self.num_heads = num_heads
        self.scale = (in_channels // 8) ** -0.5  # D of every head; not divided among them
        self.ln = nn.LayerNorm(in_channels)
        self.to_qk = nn.Linear(in_channels, 2 * num_heads * (in_channels // 8))
        nn.init.normal_(self.to_qk.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, T, V, C) -> (B, T, H, V, V)``, rows that sum to 1, float32 or wider."""
        query, key = self.to_qk(self.ln(x)).unflatten(-1, (2, self.num_heads, -1)).permute(3, 0, 1, 4, 2, 5)
        scores = (query * self.scale) @ key.transpose(-1, -2)
        return scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32))


class SAGC(nn.Module):
    """Attention times topology gathers the joints, a head at a time; a 1x1 convolution a head; their sum.

    Source: InfoGCN, CVPR 2022, ``SA_GC`` of its repository.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        num_joints: V.
        num_heads: H.
    """

    def __init__(self, in_channels: int, out_channels: int, num_joints: int, num_heads: int) -> None:
        super().__init__()
        self.shared_topology = nn.Parameter(torch.eye(num_joints).repeat(num_heads, 1, 1))
        self.conv_d = nn.ModuleList(nn.Conv2d(in_channels, out_channels, 1) for _ in range(num_heads))
        for conv in self.conv_d:
            branch_init(conv, num_heads)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))
            conv_init(self.down[0])
        self.bn = nn.BatchNorm2d(out_channels)
        norm_init(self.bn, 1e-6)  # starts as its residual
        self.attn = JointAttention(in_channels, num_heads)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        frames = x.permute(0, 2, 3, 1)  # (B, T, V, C): no copy, the maps lie channels last
        graph = (self.attn(frames) * self.shared_topology).to(x.dtype)
        graph = graph.transpose(2, 3)  # (B, T, V, H, V): turned here, where it is smaller than what it gathers
        gathered = (graph.flatten(2, 3) @ frames).unflatten(2, graph.shape[2:4]).flatten(3)  # (B, T, V, H * C)
        weight = torch.cat([conv.weight.flatten(1) for conv in self.conv_d], dim=1)
        bias = torch.stack([conv.bias for conv in self.conv_d]).sum(0)
        y = F.linear(gathered, weight, bias).permute(0, 3, 1, 2)
        return self.relu(self.bn(y) + self.down(x))
