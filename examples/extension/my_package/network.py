"""A backbone, a head and a loss.

N samples, M persons, T frames, V joints, C channels, K classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.models.heads.base import BaseHead
from pyskl.registry import MODELS
from pyskl.skeletons import get_skeleton


@MODELS.register_module()
class JointMLP(nn.Module):
    """Apply a linear layer to every joint of every frame.

    Args:
        graph_cfg: Its ``layout`` is the skeleton.
        in_channels: C.
        channels: C'.
    """

    def __init__(self, graph_cfg: dict, in_channels: int = 3, channels: int = 16) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(get_skeleton(graph_cfg['layout']).num_joints * in_channels)
        self.linear = nn.Linear(in_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, M, T, V, C) -> (N, M, C', T, V)``."""
        n, m, t, v, c = x.shape
        x = self.norm(x.reshape(-1, v * c)).reshape(n, m, t, v, c)
        return F.relu(self.linear(x)).permute(0, 1, 4, 2, 3)


@MODELS.register_module()
class SpreadHead(BaseHead):
    """Classify by the standard deviation over time of each channel of each joint.

    Args:
        num_classes: K.
        in_channels: C'.
        num_joints: V.
        loss_cls: Config of the loss.
    """

    def __init__(self, num_classes: int, in_channels: int, num_joints: int, loss_cls: dict | None = None) -> None:
        super().__init__(num_classes, in_channels * num_joints, loss_cls)
        self.fc_cls = nn.Linear(in_channels * num_joints, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, M, C', T, V) -> (N, K)``."""
        return self.fc_cls(x.amax(1).std(2).flatten(1))


@MODELS.register_module()
class SquaredLoss(nn.Module):
    """Squared distance between probabilities and the one-hot label.

    Args:
        loss_weight: Factor.
    """

    def __init__(self, loss_weight: float = 1.0) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, cls_score: Tensor, label: Tensor) -> Tensor:
        """``(N, K)`` scores and ``(N,)`` or ``(N, K)`` labels -> a scalar."""
        wanted = label if label.ndim == 2 else F.one_hot(label, cls_score.shape[1])
        return self.loss_weight * (torch.softmax(cls_score, 1) - wanted).square().sum(1).mean()
