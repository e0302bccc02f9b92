import pytest
import torch

from pyskl.models import build_model

HEADS = ['GCNHead', 'GridHead', 'STGCN2CNHead']


def head(kind='GCNHead', **options):
    return build_model({'type': kind, 'num_classes': 6, 'in_channels': 4, **options})


@pytest.mark.parametrize('kind', HEADS)
def test_absent_persons_count_in_the_mean(kind):
    model = head(kind)
    x = torch.zeros(1, 2, 4, 5, 3)
    x[:, 0] = 2.0
    assert torch.allclose(model(x), model(torch.ones(1, 4)))


@pytest.mark.parametrize('kind', HEADS)
def test_all_axes_after_the_channels_are_averaged(kind):
    model, x = head(kind), torch.randn(2, 3, 4, 5, 6)
    assert torch.allclose(model(x), model(x.unflatten(4, (2, 3))), atol=1e-6)
    assert torch.allclose(model(x), model(x.mean((1, 3, 4))), atol=1e-6)
    assert torch.allclose(model(x), model(list(x.permute(0, 1, 3, 4, 2).flatten(1, 3))), atol=1e-6)


def test_half_precision_maps_give_single_precision_scores():
    x = torch.randn(2, 1, 4, 50, 9)
    with torch.autocast('cpu', torch.bfloat16):
        scores = head()(x.bfloat16())
    assert scores.dtype == torch.float32


def test_accuracies_by_hand():
    scores = torch.tensor([[5.0, 4, 3, 2, 1, 0]] * 4)
    losses = head().loss(scores, torch.tensor([0, 1, 4, 5]))
    assert losses['top1_acc'].item() == 0.25  # only the first
    assert losses['top5_acc'].item() == 0.75  # all but class 5


def test_top_5_of_fewer_than_five_classes_is_one():
    model = build_model({'type': 'GCNHead', 'num_classes': 3, 'in_channels': 4})
    assert model.loss(torch.randn(2, 3), torch.tensor([0, 2]))['top5_acc'] == 1


def test_labels_may_be_a_column():
    scores = torch.randn(3, 6)
    row, column = (head().loss(scores, torch.tensor([0, 1, 2]).view(shape)) for shape in ((3,), (3, 1)))
    assert row == column


def test_label_smoothing_equals_torchs():
    scores, label = torch.randn(4, 6), torch.tensor([0, 1, 2, 3])
    loss = head(label_smooth_eps=0.1).loss(scores, label)['loss_cls']
    expected = torch.nn.functional.cross_entropy(scores, label, label_smoothing=0.1)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


def test_soft_labels_and_several_classes_have_no_accuracy():
    scores = torch.randn(2, 6)
    assert set(head().loss(scores, torch.full((2, 6), 1 / 6))) == {'loss_cls'}
    several = head(multi_class=True, loss_cls={'type': 'BCELossWithLogits'})
    assert set(several.loss(scores, torch.eye(6, dtype=torch.long)[:2])) == {'loss_cls'}


def test_losses_are_scalar_tensors():
    losses = head().loss(torch.randn(2, 6), torch.tensor([0, 1]))
    assert all(isinstance(value, torch.Tensor) and value.ndim == 0 for value in losses.values())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_classes': 0}, 'cls_head.num_classes must be a positive integer, got 0'),
        ({'dropout': 1.5}, r'cls_head.dropout must be in \[0, 1\), got 1.5'),
        ({'in_chanels': 4}, "GCNHead has no argument 'in_chanels'; did you mean 'in_channels'"),
    ],
)
def test_an_invalid_argument_raises(options, message):
    with pytest.raises(ValueError, match=message):
        head(**options)


def test_an_input_with_other_channels_raises():
    with pytest.raises(ValueError, match='cls_head.in_channels is 4, the backbone gives 8'):
        head()(torch.randn(1, 1, 8, 2, 2))
