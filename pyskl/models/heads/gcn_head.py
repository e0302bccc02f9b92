"""PYSKL's head of the graph networks."""

from torch import Tensor, nn

from pyskl.models.heads.base import BaseHead
from pyskl.registry import MODELS


@MODELS.register_module()
class GCNHead(BaseHead):
    """A :class:`BaseHead` whose classifier is ``fc_cls``, a linear layer; see there for the arguments."""

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        dropout: float = 0.0,
        init_std: float = 0.01,
        multi_class: bool = False,
        label_smooth_eps: float = 0.0,
    ) -> None:
        super().__init__(num_classes, in_channels, loss_cls, dropout, init_std, multi_class, label_smooth_eps)
        self.fc_cls = nn.Linear(in_channels, num_classes)
        nn.init.normal_(self.fc_cls.weight, std=init_std)
        nn.init.zeros_(self.fc_cls.bias)

    def classify(self, feature: Tensor) -> Tensor:
        """``(N, C) -> (N, K)``."""
        return self.fc_cls(feature)
