"""PYSKL's head of the 3D convolutional networks."""

import torch
from torch import Tensor, nn

from pyskl.models.heads.base import BaseHead
from pyskl.registry import MODELS


@MODELS.register_module()
class I3DHead(BaseHead):
    """A :class:`BaseHead` of ``(B, C, T, H, W)`` maps; see there for the arguments. Its classifier is ``fc_cls``."""

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss_cls: dict | None = None,
        dropout: float = 0.5,
        init_std: float = 0.01,
        multi_class: bool = False,
        label_smooth_eps: float = 0.0,
    ) -> None:
        super().__init__(num_classes, in_channels, loss_cls, dropout, init_std, multi_class, label_smooth_eps)
        self.fc_cls = nn.Linear(in_channels, num_classes)
        nn.init.normal_(self.fc_cls.weight, std=init_std)
        nn.init.zeros_(self.fc_cls.bias)

    def pool(self, x: Tensor | tuple[Tensor, ...] | list[Tensor]) -> Tensor:
        """Means of maps -> ``(B, C)``, float32 or wider.

        Args:
            x: ``(B, C, T, H, W)``; a tuple of them, whose channels are joined; ``(B, C)``; or a list of ``(n_i, C)``,
                features of B samples.

        Raises:
            ValueError: If the shapes are none of these, or the channels are not ``in_channels``.
        """
        if isinstance(x, list):
            shapes = [tuple(each.shape) for each in x]
            if not x or any(len(shape) != 2 for shape in shapes):
                raise ValueError(f'a list given to I3DHead must hold features (n, C), got {shapes}')
            x = torch.stack([each.mean(0) for each in x])
        elif isinstance(x, tuple):
            x = torch.cat([self.mean(each) for each in x], 1)
        x = self.mean(x)
        if x.shape[1] != self.in_channels:
            raise ValueError(f'cls_head.in_channels is {self.in_channels}, the backbone gives {x.shape[1]} channels')
        return x

    @staticmethod
    def mean(x: Tensor) -> Tensor:
        """``(B, C, T, H, W)`` or ``(B, C)`` -> ``(B, C)``, float32 or wider: half precision would round the mean."""
        if x.ndim not in (2, 5):
            raise ValueError(f'I3DHead takes maps (B, C, T, H, W) or features (B, C), got {tuple(x.shape)}')
        wide = torch.promote_types(x.dtype, torch.float32)
        return x.to(wide) if x.ndim == 2 else x.mean((2, 3, 4), dtype=wide)

    def classify(self, feature: Tensor) -> Tensor:
        """``(B, C) -> (B, K)``."""
        return self.fc_cls(feature)
