"""Losses of the classification heads.

Labels are class indices ``(N,)`` or soft, ``(N, num_classes)``.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyskl.registry import MODELS


def _weight_buffer(module: nn.Module, class_weight: Sequence[float] | None) -> None:
    weight = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float32)
    if weight is not None and (weight.ndim != 1 or not torch.isfinite(weight).all()):
        raise ValueError(f'loss_cls.class_weight must be one finite number per class, got {class_weight!r}')
    module.register_buffer('class_weight', weight, persistent=False)


def _check_weight(weight: Tensor | None, num_classes: int) -> None:
    if weight is not None and len(weight) != num_classes:
        raise ValueError(f'loss_cls.class_weight has {len(weight)} numbers, cls_head.num_classes is {num_classes}')


@MODELS.register_module()
class CrossEntropyLoss(nn.Module):
    """Cross entropy of a softmax, mean over the batch; with ``class_weight`` the weighted mean.

    Args:
        loss_weight: Factor of the loss.
        class_weight: One weight per class.
    """

    def __init__(self, loss_weight: float = 1.0, class_weight: Sequence[float] | None = None) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        _weight_buffer(self, class_weight)

    def extra_repr(self) -> str:
        return f'loss_weight={self.loss_weight}'

    def forward(self, cls_score: Tensor, label: Tensor) -> Tensor:
        """``(N, K)`` logits and ``(N,)`` indices or ``(N, K)`` soft labels -> scalar."""
        _check_weight(self.class_weight, cls_score.shape[1])
        weight = None if self.class_weight is None else self.class_weight.to(cls_score.dtype)
        if label.shape != cls_score.shape:
            return self.loss_weight * F.cross_entropy(cls_score, label, weight)
        label = label.to(cls_score.dtype)
        if weight is not None:
            label = label * weight
        loss = -(label * F.log_softmax(cls_score, dim=1)).sum(1)
        # torch's own soft form divides by N even with weights; PYSKL divides by the sum of the weights.
        return self.loss_weight * (loss.mean() if weight is None else loss.sum() / label.sum())


@MODELS.register_module()
class BCELossWithLogits(nn.Module):
    """Binary cross entropy of sigmoids, mean over batch and classes; for samples with several classes.

    Args:
        loss_weight: Factor of the loss.
        class_weight: One weight per class.
    """

    def __init__(self, loss_weight: float = 1.0, class_weight: Sequence[float] | None = None) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        _weight_buffer(self, class_weight)

    def extra_repr(self) -> str:
        return f'loss_weight={self.loss_weight}'

    def forward(self, cls_score: Tensor, label: Tensor) -> Tensor:
        """``(N, K)`` logits and ``(N, K)`` labels in [0, 1] -> scalar.

        Raises:
            ValueError: If labels and logits differ in shape.
        """
        if label.shape != cls_score.shape:
            raise ValueError(
                f'BCELossWithLogits needs labels of shape {tuple(cls_score.shape)} (one number per class), got '
                f'{tuple(label.shape)}; for class indices use CrossEntropyLoss'
            )
        _check_weight(self.class_weight, cls_score.shape[1])
        weight = None if self.class_weight is None else self.class_weight.to(cls_score.dtype)
        loss = F.binary_cross_entropy_with_logits(cls_score, label.to(cls_score.dtype), weight)
        return self.loss_weight * loss
