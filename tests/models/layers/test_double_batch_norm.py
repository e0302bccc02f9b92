import copy

import pytest
import torch
from torch import nn

from pyskl.models.layers.double_batch_norm import double_batch_norm

SPREAD = torch.tensor([1.0, 1e-3, 1e-2, 1, 30, 1e-4], dtype=torch.double)  # also where eps counts


def two_norms():
    torch.manual_seed(0)
    norms = nn.ModuleList([nn.BatchNorm2d(6, eps=1e-4), nn.BatchNorm2d(6, momentum=0.3)]).double()
    for tensor in norms.parameters():
        nn.init.normal_(tensor)
    with torch.no_grad():
        norms[0].weight[:2] = torch.tensor([0.0, 1e-3])
    return norms


def batch(requires_grad=False):
    torch.manual_seed(1)
    x = torch.randn(4, 6, 5, 3, dtype=torch.double) * SPREAD[:, None, None] + 2
    return x.to(memory_format=torch.channels_last).requires_grad_(requires_grad)


def test_training_equals_two_norms_in_turn_in_values_gradients_and_statistics():
    plain, x = two_norms(), batch(True)
    once, z = copy.deepcopy(plain), batch(True)
    expected, out = plain[1](plain[0](x)), double_batch_norm(z, *once)
    grad = torch.randn_like(expected)
    expected.backward(grad)
    out.backward(grad)
    assert torch.allclose(out, expected, rtol=1e-9)
    assert torch.allclose(z.grad, x.grad, rtol=1e-9, atol=1e-9 * x.grad.abs().max())
    for a, b in zip(plain.parameters(), once.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-7, atol=1e-9)
    for a, b in zip(plain.buffers(), once.buffers(), strict=True):
        assert torch.allclose(a.double(), b.double(), rtol=1e-12)


def test_evaluation_equals_two_norms_in_turn():
    norms = two_norms()
    for _ in range(3):
        norms[1](norms[0](batch()))
    norms.eval()
    assert torch.allclose(double_batch_norm(batch(), *norms), norms[1](norms[0](batch())), rtol=1e-12)


def test_other_layers_and_frozen_norms_are_called_in_turn():
    x = batch()
    assert double_batch_norm(x, nn.Identity(), nn.Identity()) is x
    frozen = two_norms()
    frozen[0].eval()
    assert torch.allclose(double_batch_norm(x, *frozen), copy.deepcopy(frozen[1])(frozen[0](x)))


def test_bf16_maps_stay_bf16_and_statistics_stay_float32():
    norms = two_norms().float()
    out = double_batch_norm(batch().bfloat16().requires_grad_(), *norms)
    out.sum().backward()
    assert out.dtype == torch.bfloat16
    assert norms[0].running_mean.dtype == norms[1].weight.grad.dtype == torch.float32
    reference = two_norms()
    reference[1](reference[0](batch()))
    assert torch.allclose(norms[0].running_mean.double(), reference[0].running_mean, rtol=1e-2)


def test_one_value_per_channel_raises():
    with pytest.raises(ValueError, match='more than one value per channel'):
        double_batch_norm(torch.randn(1, 6, 1, 1, dtype=torch.double), *two_norms())
