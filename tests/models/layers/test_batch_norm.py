import copy

import pytest
import torch
from torch import nn

from pyskl.models.layers.batch_norm import BatchNorm2d, Copies, counting_copies, current_copies
from pyskl.models.layers.double_batch_norm import double_batch_norm
from pyskl.models.layers.fused_branches import norm_each

COUNTS = [4, 2]
COPIES = Copies(3, torch.tensor(COUNTS), 9)
ROWS = [0, 1, 2, *[3] * COUNTS[0], *[4] * COUNTS[1]]  # of the full batch


def batch(dtype=torch.double, layout=torch.contiguous_format):
    torch.manual_seed(0)
    x = torch.randn(5, 6, 4, 3, dtype=torch.double) * torch.linspace(1, 9, 6)[:, None, None] + 2
    return x.to(dtype).to(memory_format=layout).requires_grad_()


def norms(count):
    torch.manual_seed(1)
    layers = nn.ModuleList(BatchNorm2d(6, momentum=0.3) for _ in range(count)).double()
    for tensor in layers.parameters():
        nn.init.normal_(tensor)
    return layers


def halves(x, layers):
    """Each of two norms on three channels."""
    parts = [BatchNorm2d(3).double(), BatchNorm2d(3).double()]
    for part, state in zip(parts, layers, strict=True):
        part.weight, part.bias = nn.Parameter(state.weight[:3].detach()), nn.Parameter(state.bias[:3].detach())
    layers.parts = nn.ModuleList(parts)
    return norm_each(x, parts, [3, 3])


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ('count', 'apply'),
    [(1, lambda x, layers: layers[0](x)), (2, lambda x, layers: double_batch_norm(x, *layers)), (2, halves)],
)
def test_values_gradients_and_statistics_equal_those_of_the_full_batch(count, apply, layout):
    once, x = norms(count), batch(layout=layout)
    full, z = copy.deepcopy(once), batch()
    with counting_copies(COPIES):
        y = apply(x, once)
    expected = apply(z[ROWS].contiguous(), full)
    assert torch.allclose(y[ROWS], expected, rtol=1e-9)
    grad = torch.randn_like(expected)
    expected.backward(grad)
    y.backward(torch.zeros_like(y).index_add(0, torch.tensor(ROWS), grad))
    assert torch.allclose(x.grad, z.grad, rtol=1e-9, atol=1e-12)
    for (name, one), other in zip(once.named_parameters(), full.parameters(), strict=True):
        assert other.grad is None or torch.allclose(one.grad, other.grad, rtol=1e-8, atol=1e-12), name
    for one, other in zip(once.buffers(), full.buffers(), strict=True):
        assert torch.allclose(one.double(), other.double(), rtol=1e-12)


def test_running_mean_and_variance_by_hand():
    norm = BatchNorm2d(1, momentum=1.0)
    with counting_copies(Copies(1, torch.tensor([3]), 4)):
        norm(torch.tensor([2.0, 6.0]).view(2, 1, 1, 1))
    assert norm.running_mean.item() == 5  # (2 + 3 * 6) / 4
    assert norm.running_var.item() == 4  # (9 + 3 * 1) / (4 - 1)


def test_frozen_norms_ignore_the_counts_of_copies():
    norm, x = norms(1)[0].eval(), batch()
    before = copy.deepcopy(norm.state_dict())
    with counting_copies(COPIES):
        assert torch.equal(norm(x), nn.BatchNorm2d.forward(norm, x))
    assert all(torch.equal(before[key], value) for key, value in norm.state_dict().items())


def test_bf16_maps_stay_bf16_and_statistics_stay_float32():
    norm = norms(1)[0].float()
    x = batch(torch.bfloat16)
    with counting_copies(COPIES):
        y = norm(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == torch.bfloat16
    assert norm.running_mean.dtype == norm.weight.grad.dtype == torch.float32


def test_counting_copies_ends_with_its_block_even_after_an_error():
    with pytest.raises(KeyError), counting_copies(COPIES):
        raise KeyError
    assert current_copies() is None


@pytest.mark.parametrize('apply', [lambda x, norm: norm(x), lambda x, norm: norm_each(x, [norm], [6])])
def test_large_contiguous_maps_give_the_values_gradients_and_statistics_of_torch(apply):
    torch.manual_seed(0)
    ours, theirs = BatchNorm2d(6, momentum=0.3), nn.BatchNorm2d(6, momentum=0.3)
    nn.init.normal_(ours.weight)
    theirs.load_state_dict(ours.state_dict())
    theirs.double()
    x = (torch.randn(8, 6, 50, 30) * torch.linspace(1, 9, 6)[:, None, None] + 20).requires_grad_()
    z = x.detach().double().requires_grad_()
    y, expected = apply(x, ours), theirs(z)
    assert (y - expected).abs().max() < 1e-5
    grad = torch.randn_like(y)
    y.backward(grad)
    expected.backward(grad.double())
    assert (x.grad - z.grad).abs().max() < 1e-5
    for key, value in theirs.state_dict().items():
        assert torch.allclose(ours.state_dict()[key].double(), value.double(), rtol=1e-6), key
