"""Ske2Grid's head."""

from torch import Tensor, nn

from pyskl.models.heads.base import BaseHead
from pyskl.registry import MODELS


@MODELS.register_module(name=['GridHead', 'STGCN2CNHead'])
class GridHead(BaseHead):
    """A :class:`BaseHead` whose classifier is ``fc``, the 1x1x1 convolution of the released files."""

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
        self.fc = nn.Conv3d(in_channels, num_classes, 1)
        nn.init.normal_(self.fc.weight, std=init_std)
        nn.init.zeros_(self.fc.bias)

    def classify(self, feature: Tensor) -> Tensor:
        """``(N, C) -> (N, K)``."""
        return self.fc(feature[:, :, None, None, None]).flatten(1)
