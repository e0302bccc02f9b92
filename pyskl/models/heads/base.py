"""Base of the classification heads: pool, classify, compute losses."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.registry import MODELS, build_component


class BaseHead(nn.Module):
    """Mean over positions, mean over persons, dropout, a linear classifier that a subclass calls ``classify``.

    Absent persons count in the mean, as in every published result.

    Args:
        num_classes: Classes, ``K``.
        in_channels: Channels of the backbone's output.
        loss_cls: Config of the loss.
        dropout: Dropout rate before the classifier.
        init_std: Standard deviation of the classifier's initial weights.
        multi_class: Whether a sample may have several classes (labels ``(N, K)``); then no accuracies are returned.
        label_smooth_eps: ``e``: labels become ``(1 - e) * y + e / K`` in the loss. PYSKL smooths only with
            ``multi_class`` and silently ignores the setting otherwise; here, as in MMAction2, it always applies.

    Raises:
        ValueError: If a number is out of range.
    """

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
        super().__init__()
        for name, value in (('num_classes', num_classes), ('in_channels', in_channels)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f'cls_head.{name} must be a positive integer, got {value!r}')
        for name, value in (('dropout', dropout), ('label_smooth_eps', label_smooth_eps)):
            if not 0 <= value < 1:
                raise ValueError(f'cls_head.{name} must be in [0, 1), got {value!r}')
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.init_std = init_std
        self.multi_class = multi_class
        self.label_smooth_eps = label_smooth_eps
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.loss_cls = build_component(loss_cls or {'type': 'CrossEntropyLoss'}, MODELS)

    def extra_repr(self) -> str:
        return f'num_classes={self.num_classes}, in_channels={self.in_channels}'

    def classify(self, feature: Tensor) -> Tensor:
        """``(N, C) -> (N, K)``."""
        raise NotImplementedError

    def pool(self, x: Tensor | list[Tensor]) -> Tensor:
        """``(N, M, C, ...)``, ``(N, C)`` or a list of ``(n_i, C)`` -> ``(N, C)``, float32 or wider.

        Raises:
            ValueError: If the channels are not ``in_channels``.
        """
        if isinstance(x, list | tuple):
            x = torch.stack([each.mean(0) for each in x])
        channels = x.shape[1] if x.ndim == 2 else x.shape[2]
        if channels != self.in_channels:
            raise ValueError(f'cls_head.in_channels is {self.in_channels}, the backbone gives {channels} channels')
        wide = torch.promote_types(x.dtype, torch.float32)
        if x.ndim == 2:
            return x.to(wide)
        # Accumulate in float32: half precision would round the mean of hundreds of positions. The map is not converted.
        return x.mean(tuple(range(3, x.ndim)), dtype=wide).mean(1) if x.ndim > 3 else x.to(wide).mean(1)

    def forward(self, x: Tensor | list[Tensor]) -> Tensor:
        """A backbone's output, as :meth:`pool` takes it -> logits ``(N, K)``, float32 or wider."""
        with torch.autocast(x[0].device.type, enabled=False):
            return self.classify(self.dropout(self.pool(x)))

    def loss_of(self, x: Tensor | list[Tensor], label: Tensor) -> dict[str, Tensor]:
        """A backbone's output and labels, as :meth:`loss` takes them -> losses; for heads whose losses need more."""
        return self.loss(self(x), label)

    def loss(self, cls_score: Tensor, label: Tensor) -> dict[str, Tensor]:
        """Scalars on the scores' device: ``loss_cls`` and, for index labels, ``top1_acc`` and ``top5_acc``.

        Args:
            cls_score: ``(N, K)`` logits.
            label: ``(N,)`` or ``(N, 1)`` class indices, or ``(N, K)`` soft labels.
        """
        if not label.is_floating_point() and label.ndim == 2 and label.shape[1] == 1:
            label = label[:, 0]
        losses = {}
        if not self.multi_class and label.ndim == 1:
            label = label.long()
            hit = cls_score.detach().topk(min(5, self.num_classes), dim=1).indices == label[:, None]
            losses['top1_acc'] = hit[:, 0].float().mean()
            losses['top5_acc'] = hit.any(1).float().mean()
        if self.label_smooth_eps:
            if label.ndim == 1:
                label = F.one_hot(label, self.num_classes)
            label = (1 - self.label_smooth_eps) * label.to(cls_score.dtype) + self.label_smooth_eps / self.num_classes
        losses['loss_cls'] = self.loss_cls(cls_score, label)
        return losses
