import math

import pytest
import torch

from pyskl.models.heads.infogcn_head import InfoGCNHead

MAPS = torch.linspace(-2, 3, 4 * 2 * 8 * 3).reshape(4, 2, 8, 3, 1)


def test_priors_are_orthogonal_of_length_three_and_stored_in_checkpoints():
    head = InfoGCNHead(5, 8)
    assert torch.allclose(head.z_prior @ head.z_prior.T, 9 * torch.eye(5), atol=1e-5)
    other = InfoGCNHead(5, 8)
    assert not torch.equal(other.z_prior, head.z_prior)
    other.load_state_dict(head.state_dict())
    assert torch.equal(other.z_prior, head.z_prior)
    assert 'z_prior' not in dict(head.named_parameters())


def test_latent_losses_by_hand():
    head = InfoGCNHead(3, 2, lambda_1=10.0, lambda_2=1.0)
    head.z_prior.copy_(torch.tensor([[1.0, 0], [0, 1], [100, 100]]))
    z = torch.tensor([[2.0, 0], [4, 0], [0, 3]])
    losses = head.latent_losses(z, torch.tensor([0, 0, 1]))
    # Class means (3, 0) and (0, 3): 2 and 2 from their priors, squares 4 0 0 4, mean 2, without the absent class.
    assert losses['loss_mmd'].item() == pytest.approx(2)
    assert losses['loss_l2'].item() == pytest.approx(10 * math.sqrt(4 + 1))  # the mean is (2, 1)


def test_noise_is_added_in_training_only():
    head = InfoGCNHead(5, 8)
    assert not torch.equal(head(MAPS), head(MAPS))
    assert torch.equal(head.eval()(MAPS), head(MAPS))
    quiet = InfoGCNHead(5, 8, noise_ratio=0.0)
    assert torch.equal(quiet(MAPS), quiet(MAPS))
    assert not quiet.fc_logvar.weight.requires_grad  # unused without noise


def test_noise_has_the_deviation_of_logvar_and_at_most_a_hundred():
    head = InfoGCNHead(5, 8)
    for layer in (head.fc_mu, head.fc_logvar):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    torch.manual_seed(0)
    for logvar, spread in ((math.log(4), 2), (1000, 100)):
        torch.nn.init.constant_(head.fc_logvar.bias, logvar)
        z = head.latent(torch.zeros(4000, 8))
        assert z.std().item() == pytest.approx(spread, rel=0.02)
        z.sum().backward()
        assert torch.isfinite(head.fc_logvar.bias.grad).all()
    assert (head.fc_logvar.bias.grad != 0).all()  # from the first only: above the limit the gradient is 0


def test_labels_are_smoothed_by_0_1():
    head = InfoGCNHead(5, 8, noise_ratio=0.0)
    label = torch.tensor([0, 1, 2, 4])
    expected = torch.nn.functional.cross_entropy(head(MAPS), label, label_smoothing=0.1)
    for given in (label, label[:, None]):
        losses = head.loss_of(MAPS, given)
        assert losses['loss_cls'].item() == pytest.approx(expected.item(), rel=1e-5)
        assert set(losses) == {'loss_cls', 'loss_mmd', 'loss_l2', 'top1_acc', 'top5_acc'}


def test_soft_labels_raise():
    with pytest.raises(ValueError, match='InfoGCNHead needs one class index per sample'):
        InfoGCNHead(5, 8).loss_of(MAPS, torch.full((4, 5), 0.2))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'noise_ratio': -1}, 'cls_head.noise_ratio must be a finite number, at least 0, got -1'),
        ({'lambda_2': float('nan')}, 'cls_head.lambda_2'),
        ({'latent_channels': 0}, 'cls_head.latent_channels must be a positive integer or None, got 0'),
        ({'dropout': 1}, 'cls_head.dropout must be in'),
    ],
)
def test_a_number_out_of_range_raises(arguments, message):
    with pytest.raises(ValueError, match=message):
        InfoGCNHead(5, 8, **arguments)
