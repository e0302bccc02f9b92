import math

import pytest
import torch

from pyskl.models import build_model
from pyskl.models.losses import BCELossWithLogits, CrossEntropyLoss


def test_the_loss_of_equal_scores_is_the_log_of_the_number_of_classes():
    loss = CrossEntropyLoss()(torch.zeros(3, 4), torch.tensor([0, 1, 2]))
    assert loss.item() == pytest.approx(math.log(4))


def test_a_one_hot_soft_label_equals_a_hard_label():
    scores, hard = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    soft = torch.nn.functional.one_hot(hard, 3)
    for weight in (None, [1.0, 2.0, 5.0]):
        loss = CrossEntropyLoss(class_weight=weight)
        assert loss(scores, soft).item() == pytest.approx(loss(scores, hard).item(), rel=1e-6)


def test_a_weighted_loss_is_the_weighted_mean():
    scores = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])  # losses log 2 and, for class 0, log 4/3
    loss = CrossEntropyLoss(class_weight=[3.0, 1.0])(scores, torch.tensor([1, 0]))
    assert loss.item() == pytest.approx((math.log(2) + 3 * math.log(4 / 3)) / 4)


def test_loss_weight_multiplies_the_loss():
    scores, label = torch.randn(2, 3), torch.tensor([0, 1])
    assert CrossEntropyLoss(loss_weight=2.0)(scores, label) == 2 * CrossEntropyLoss()(scores, label)


def test_binary_cross_entropy_of_zero_logits_is_log_two():
    assert BCELossWithLogits()(torch.zeros(2, 3), torch.ones(2, 3)).item() == pytest.approx(math.log(2))


def test_the_class_weight_is_not_stored_in_checkpoints():
    assert not CrossEntropyLoss(class_weight=[1.0, 2.0]).state_dict()


def test_invalid_labels_and_weights_raise():
    with pytest.raises(ValueError, match=r'labels of shape \(2, 3\).*got \(2,\); for class indices'):
        BCELossWithLogits()(torch.zeros(2, 3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match='class_weight has 2 numbers, cls_head.num_classes is 3'):
        CrossEntropyLoss(class_weight=[1.0, 2.0])(torch.zeros(2, 3), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match='one finite number per class'):
        CrossEntropyLoss(class_weight=[1.0, float('nan')])


def test_a_misspelt_loss_raises_with_the_nearest_name():
    with pytest.raises(ValueError, match="did you mean 'CrossEntropyLoss'"):
        build_model({'type': 'CrossEntropyLos'})
