"""InfoGCN.

Source: InfoGCN, CVPR 2022, https://github.com/stnoah1/infogcn. Its latent and losses are :class:`InfoGCNHead`'s.

N samples, M persons, B = N * M, T frames, V joints, C channels, H heads, D channels of a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.fused_branches import ConvNorm
from pyskl.models.layers.gcn_backbone import GCNBackbone
from pyskl.models.layers.multi_branch_tcn import MultiBranchTCN
from pyskl.models.layers.residual import add_to
from pyskl.models.layers.stages import stage_plan
from pyskl.models.layers.temporal_conv import UnitTCN
from pyskl.models.layers.weight_init import branch_init, conv_init, norm_init
from pyskl.registry import MODELS, check_arguments
from pyskl.skeletons import Skeleton, get_skeleton


class JointAttention(nn.Module):
    """Self-attention between joints, frame by frame.

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
        self.scale = (in_channels // 8) ** -0.5  # D of every head: the channels are not divided among the heads
        self.ln = nn.LayerNorm(in_channels)
        self.to_qk = nn.Linear(in_channels, 2 * num_heads * (in_channels // 8))
        nn.init.normal_(self.to_qk.weight)

    def extra_repr(self) -> str:
        return f'heads={self.num_heads}'

    def forward(self, x: Tensor) -> Tensor:
        """``(B, T, V, C) -> (B, T, H, V, V)``, rows that sum to 1, float32 or wider."""
        query, key = self.to_qk(self.ln(x)).unflatten(-1, (2, self.num_heads, -1)).permute(3, 0, 1, 4, 2, 5)
        scores = (query * self.scale) @ key.transpose(-1, -2)
        return scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32))


class SAGC(nn.Module):
    """Per head a sum over joints by attention times topology, and a 1x1 convolution; summed over the heads.

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
        self.conv_d = nn.ModuleList(Conv2d(in_channels, out_channels, 1) for _ in range(num_heads))
        for conv in self.conv_d:
            branch_init(conv, num_heads)
        self.down = nn.Identity()
        if in_channels != out_channels:
            self.down = ConvNorm(Conv2d(in_channels, out_channels, 1), BatchNorm2d(out_channels))
            conv_init(self.down[0])
        self.bn = BatchNorm2d(out_channels)
        norm_init(self.bn, 1e-6)  # starts as its residual
        self.attn = JointAttention(in_channels, num_heads)
        self.relu = nn.ReLU(inplace=True)

    def extra_repr(self) -> str:
        return f'heads={len(self.shared_topology)}, joints={self.shared_topology.shape[1]}'

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        frames = x.permute(0, 2, 3, 1)  # (B, T, V, C): no copy, the maps lie channels last
        graph = (self.attn(frames) * self.shared_topology).to(x.dtype)
        graph = graph.transpose(2, 3)  # (B, T, V, H, V): transposed here, where it is smaller than the gathered maps
        gathered = (graph.flatten(2, 3) @ frames).unflatten(2, graph.shape[2:4]).flatten(3)  # (B, T, V, H * C)
        weight = torch.cat([conv.weight.flatten(1) for conv in self.conv_d], dim=1)
        bias = torch.stack([conv.bias for conv in self.conv_d]).sum(0)
        y = F.linear(gathered, weight, bias).permute(0, 3, 1, 2)
        return self.relu(add_to(self.bn(y), self.down(x)))


TREES = ('ancestors', 'descendants')


def rooted_parents(skeleton: Skeleton, root: int) -> list[int]:
    """Each joint's parent in the tree of bones rooted at ``root``; ``-1`` for the root.

    Raises:
        ValueError: If the bones contain a cycle.
    """
    parents = [-1 if parent == joint else parent for joint, parent in enumerate(skeleton.bone_parents)]
    for joint in range(len(parents)):
        for _ in range(len(parents)):
            joint = parents[joint] if joint >= 0 else joint
        if joint >= 0:
            raise ValueError(f'skeleton {skeleton.name!r}: its bones run in a circle; InfoGCN needs a tree')
    child, joint = -1, root
    while joint >= 0:  # reverse the bones between the old root and the new one
        parents[joint], child, joint = child, joint, parents[joint]
    return parents


def k_mode_matrix(skeleton: Skeleton, k: int, tree: str = 'ancestors') -> Tensor:
    """``(V, V)`` float32, to be multiplied with the joints from the left: InfoGCN's k-th mode.

    Args:
        skeleton: Its bones are the tree.
        k: Distance of the related joints: 1 gives bones, the depth of the tree or more the joints themselves.
        tree: ``'ancestors'``: a joint minus its k-th ancestor in the tree rooted at the skeleton's origin; a joint
            without one is unchanged. ``'descendants'``: a joint minus the sum of its k-th descendants in the tree
            rooted where the bones lead, as in the released code on NW-UCLA (its list of bones is reversed).

    Raises:
        ValueError: If ``k`` is not a positive integer (0 subtracts each joint from itself), or ``tree`` is unknown.
    """
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise ValueError(f'backbone.k must be a positive integer, got {k!r}; 0 would erase the input')
    if tree not in TREES:
        raise ValueError(f'unknown backbone.tree {tree!r}; choose from {TREES}')
    root = (
        skeleton.origin if tree == 'ancestors' else next((v for v, p in enumerate(skeleton.bone_parents) if v == p), 0)
    )
    parents = rooted_parents(skeleton, root)
    ancestors = list(range(len(parents)))
    for _ in range(min(k, len(parents))):
        ancestors = [parents[joint] if joint >= 0 else -1 for joint in ancestors]
    matrix = torch.eye(len(parents))
    for joint, ancestor in enumerate(ancestors):
        if ancestor >= 0:
            matrix[(joint, ancestor) if tree == 'ancestors' else (ancestor, joint)] = -1
    return matrix


class InfoGCNBlock(nn.Module):
    """Attentive graph convolution, temporal branches, residual.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        stride: In time.
        num_joints: V.
        num_heads: Of the attention.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, num_joints: int, num_heads: int) -> None:
        super().__init__()
        self.agcn = SAGC(in_channels, out_channels, num_joints, num_heads)
        self.tcn = MultiBranchTCN(out_channels, out_channels, 5, stride, (1, 2), residual=False)
        self.residual = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.residual = UnitTCN(in_channels, out_channels, kernel_size=1, stride=stride)
            conv_init(self.residual.conv)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T', V)``."""
        return self.relu(self.tcn(self.agcn(x)) + self.residual(x))


@MODELS.register_module()
class InfoGCN(GCNBackbone):
    """InfoGCN's encoder: the k-th mode of the joints, a position code, nine attentive blocks.

    Args:
        graph_cfg: ``layout``: a skeleton's name, or a skeleton as a dict.
        k: Which mode, see :func:`k_mode_matrix`.
        tree: ``'ancestors'``, or ``'descendants'`` for weights that the released code trained on NW-UCLA.
        in_channels: Channels per joint.
        base_channels: Channels of the first block; the last has four times as many.
        num_heads: Of the attention.
        num_person: M; each person has its own input norm.

    Raises:
        ValueError: If ``k``, ``tree`` or the skeleton is invalid, or a number does not fit the channels.
    """

    shares_absent = True

    def __init__(
        self,
        graph_cfg: dict,
        k: int = 1,
        tree: str = 'ancestors',
        in_channels: int = 3,
        base_channels: int = 64,
        num_heads: int = 3,
        num_person: int = 2,
    ) -> None:
        check_arguments(get_skeleton, graph_cfg, 'graph_cfg')
        numbers = {'in_channels': in_channels, 'base_channels': base_channels, 'num_heads': num_heads}
        for name, value in {**numbers, 'num_person': num_person}.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'backbone.{name} must be a positive integer, got {value!r}')
        skeleton = get_skeleton(**graph_cfg)
        modes = k_mode_matrix(skeleton, k, tree)
        super().__init__(skeleton.num_joints, in_channels, num_person, None)
        self.data_bn_type = 'MVC'  # of embedded joints, which have more channels than the input
        self.data_bn = nn.BatchNorm1d(num_person * skeleton.num_joints * base_channels)
        self.register_buffer('A_vector', modes, persistent=False)
        self.to_joint_embedding = nn.Linear(in_channels, base_channels)
        self.pos_embedding = nn.Parameter(torch.randn(1, skeleton.num_joints, base_channels))
        plan = stage_plan(base_channels, base_channels, 9, (4, 7), (4, 7))
        self.net = nn.ModuleList(
            InfoGCNBlock(narrow, wide, stride, skeleton.num_joints, num_heads) for _, narrow, wide, stride in plan
        )

    def normalize(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C)`` joints -> ``(N, M, T, V, C')``, embedded and normalised by ``data_bn``."""
        with torch.autocast(x.device.type, enabled=False):  # half precision would round the coordinates
            return super().normalize(self.to_joint_embedding(self.A_vector @ x) + self.pos_embedding)

    def encode(self, x: Tensor) -> Tensor:
        """``(B, C, T, V) -> (B, C', T', V)``."""
        for block in self.net:
            x = block(x)
        return x
