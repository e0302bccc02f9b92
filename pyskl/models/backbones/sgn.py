"""SGN.

Source: https://arxiv.org/abs/1904.01189, as PYSKL builds it (where it is not registered).

N samples, M persons, B = N * M, T frames, V joints, C channels.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from pyskl.models.layers.absent_persons import exporting, once_per_absent
from pyskl.models.layers.batch_norm import BatchNorm2d
from pyskl.models.layers.convolution import Conv2d
from pyskl.registry import MODELS

FRAMES_OUT = 20


class MaxOfParts(nn.AdaptiveMaxPool2d):
    """Maximum over all joints and over each of ``parts`` parts of the frames; ``(B, C, T, V) -> (B, C, parts, 1)``.

    In export by slices, since ONNX has no adaptive pooling; elsewhere by torch's, which defines the gradient of ties.
    """

    def __init__(self, parts: int) -> None:
        super().__init__((parts, 1))
        self.parts = parts

    def forward(self, x: Tensor) -> Tensor:
        if not exporting():
            return super().forward(x)
        frames, x = x.shape[2], x.amax(3)
        edges = [(part * frames // self.parts, -(-(part + 1) * frames // self.parts)) for part in range(self.parts)]
        return torch.stack([x[:, :, start:end].amax(2) for start, end in edges], dim=2)[..., None]


class ConvReLU(nn.Module):
    """Convolution, BatchNorm if ``norm``, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        bias: bool = True,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, out_channels, kernel_size, padding=padding, bias=bias)
        self.bn = BatchNorm2d(out_channels) if norm else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        if bias:
            nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C_in, T, V) -> (B, C_out, T, V)``."""
        return self.relu(self.bn(self.conv(x)))


class FrameGCN(nn.Module):
    """Graph convolution with one graph per frame.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        bias: Whether the residual has one.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, out_channels, 1, bias=False)
        self.residual = Conv2d(in_channels, out_channels, 1, bias=bias)
        self.bn = BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        """``(B, C_in, T, V)`` and ``(B, T, V, V)``, ``[t, u, v]`` weighing ``v`` into ``u`` -> ``(B, C_out, T, V)``."""
        gathered = torch.einsum('btuv,bctv->bctu', graph.to(x.dtype), x)
        return self.relu(self.bn(self.conv(gathered) + self.residual(x)))


@MODELS.register_module()
class SGN(nn.Module):
    """SGN: joint and frame indices are embedded too; the graph of each frame follows from the features.

    Args:
        in_channels: Channels per joint.
        base_channels: Width of the embeddings; the output has eight times as many.
        num_joints: V, of any skeleton.
        T: Frames of a clip.
        bias: Whether the embeddings, the graph's layers and the residuals have one.

    Raises:
        ValueError: If a number is not a positive integer.
    """

    shares_absent = True
    full_batch = ('joint_bn', 'motion_bn', 'tcn.2', 'tcn.3')  # see :func:`obstacle`

    def __init__(
        self, in_channels: int = 3, base_channels: int = 64, num_joints: int = 25, T: int = 30, bias: bool = True
    ) -> None:
        super().__init__()
        numbers = {'in_channels': in_channels, 'base_channels': base_channels, 'num_joints': num_joints, 'T': T}
        for name, value in numbers.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'backbone.{name} must be a positive integer, got {value!r}')
        self.in_channels = in_channels
        self.num_joints = num_joints
        self.num_frames = T
        one, two, four, eight = (base_channels * factor for factor in (1, 2, 4, 8))

        def embed(channels: int, out: int) -> nn.Sequential:
            return nn.Sequential(ConvReLU(channels, one, bias=bias), ConvReLU(one, out, bias=bias))

        self.joint_bn = nn.BatchNorm1d(in_channels * num_joints)
        self.motion_bn = nn.BatchNorm1d(in_channels * num_joints)
        self.joint_embed = embed(in_channels, one)
        self.motion_embed = embed(in_channels, one)
        self.s_embed = embed(num_joints, one)
        self.t_embed = embed(T, four)
        self.compute_A1 = ConvReLU(two, four, bias=bias)
        self.compute_A2 = ConvReLU(two, four, bias=bias)
        self.gcn1 = FrameGCN(two, two, bias)
        self.gcn2 = FrameGCN(two, four, bias)
        self.gcn3 = FrameGCN(four, four, bias)
        self.tcn = nn.Sequential(
            MaxOfParts(FRAMES_OUT),
            ConvReLU(four, four, (3, 1), (1, 0), norm=True),
            nn.Dropout(0.2),
            ConvReLU(four, eight, norm=True),
        )
        # One-hot index of the joint (equal in all frames) and of the frame (equal for all joints).
        self.register_buffer('joint_code', torch.eye(num_joints)[None, :, None], persistent=False)
        self.register_buffer('frame_code', torch.eye(T)[None, :, :, None], persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=math.sqrt(2 / (module.weight[0, 0].numel() * module.out_channels)))
        for gcn in (self.gcn1, self.gcn2, self.gcn3):
            nn.init.zeros_(gcn.conv.weight)

    def extra_repr(self) -> str:
        return f'joints={self.num_joints}, frames={self.num_frames}, in_channels={self.in_channels}'

    def normalize(self, x: Tensor, norm: nn.Module) -> Tensor:
        """``(B, T, V, C) -> (B, C, T, V)``, each joint and coordinate by itself."""
        b, t, v, c = x.shape
        return norm(x.transpose(2, 3).reshape(b * t, c * v)).view(b, t, c, v).transpose(1, 2)

    def joints_and_motion(self, x: Tensor) -> Tensor:
        """``(B, T, V, C) -> (B, 2, C, T, V)``, normalised."""
        with torch.autocast(x.device.type, enabled=False):  # half precision would round the coordinates
            motion = torch.cat([x[:, 1:] - x[:, :-1], -x[:, -1:]], dim=1)  # a zero frame follows the last one
            return torch.stack([self.normalize(x, self.joint_bn), self.normalize(motion, self.motion_bn)], dim=1)

    def encode(self, x: Tensor) -> Tensor:
        """``(B, 2, C, T, V) -> (B, C', T', 1)``, up to the dropout."""
        joints, motion = x.unbind(1)
        x = self.joint_embed(joints) + self.motion_embed(motion)
        x = torch.cat([x, self.s_embed(self.joint_code).expand(x.shape[0], -1, x.shape[2], -1)], dim=1)
        to, source = self.compute_A1(x), self.compute_A2(x)
        graph = torch.einsum('bctu,bctv->btuv', to, source).softmax(-1)
        x = self.gcn3(self.gcn2(self.gcn1(x, graph), graph), graph)
        return self.tcn[:2](x + self.t_embed(self.frame_code))

    def forward(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C) -> (N, M, C', 20, 1)``.

        Raises:
            ValueError: If T, V or C differs from the network's.
        """
        wanted = (self.num_frames, self.num_joints, self.in_channels)
        if x.ndim != 5 or x.shape[2:] != wanted:
            raise ValueError(
                f'keypoint is {tuple(x.shape)}, (N, M, T, V, C); backbone.T is {wanted[0]}, backbone.num_joints '
                f'{wanted[1]} and backbone.in_channels {wanted[2]}'
            )
        rows = x.flatten(0, 1)
        y = self.tcn[2:](once_per_absent(self, self.encode, self.joints_and_motion(rows), rows))
        return y.unflatten(0, tuple(x.shape[:2]))
