import copy
import pickle

import pytest
import torch
from torch import nn

from pyskl.models.layers import convolution
from pyskl.models.layers.convolution import Conv2d, pointwise


def compare(ours, x):
    """Our layer against torch's on contiguous maps (channels last it may run the kernel that corrupts the heap)."""
    theirs = nn.Conv2d(
        ours.in_channels, ours.out_channels, ours.kernel_size, ours.stride, ours.padding, ours.dilation, ours.groups,
        bias=ours.bias is not None,
    )  # fmt: skip
    theirs.load_state_dict(ours.state_dict())
    one, other = x.clone().requires_grad_(), x.clone(memory_format=torch.contiguous_format).requires_grad_()
    y, expected = ours(one), theirs(other)
    assert torch.allclose(y, expected, atol=1e-4)
    grad = torch.randn_like(expected)
    y.backward(grad)
    expected.backward(grad)
    assert torch.allclose(one.grad, other.grad, atol=1e-4)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert (a.grad - b.grad).norm() < 1e-5 * b.grad.norm()


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ('batch', 'channels', 'kernel', 'stride', 'size'),
    [
        (2, 9, (1, 1), (2, 1), (10, 5)),
        (2, 64, (1, 1), (2, 1), (10, 5)),
        (2, 9, (1, 1), (1, 1), (10, 5)),
        (16, 9, (1, 1), (1, 1), (60, 20)),  # a batch of matrix products
        (2, 9, (9, 1), (2, 1), (10, 5)),
        (2, 128, (9, 1), (1, 1), (10, 33)),  # frames of more than 16 KB
        (2, 128, (9, 1), (2, 1), (10, 33)),
        (2, 9, (1, 1), (2, 2), (7, 6)),
    ],
)
def test_outputs_and_gradients_equal_those_of_torch(batch, channels, kernel, stride, size, layout):
    torch.manual_seed(0)
    ours = Conv2d(channels, 12, kernel, stride, tuple(k // 2 for k in kernel))
    compare(ours, torch.randn(batch, channels, *size).contiguous(memory_format=layout))


@pytest.mark.parametrize('bias', [False, True])
def test_bias_is_optional(bias):
    torch.manual_seed(0)
    compare(Conv2d(5, 7, 1, bias=bias), torch.randn(16, 5, 60, 20))
    large = torch.randn(2, 128, 10, 33).contiguous(memory_format=torch.channels_last)
    compare(Conv2d(128, 7, (9, 1), padding=(4, 0), bias=bias), large)


@pytest.mark.parametrize('bias', [False, True])
@pytest.mark.parametrize('trained', ['all', 'weights', 'input'])
def test_pointwise_gradients_of_channels_last_maps_equal_those_of_torch(trained, bias, monkeypatch):
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 1)
    monkeypatch.setattr(convolution, '_AVX512', False)
    torch.manual_seed(0)
    x = torch.randn(16, 5, 6, 4, dtype=torch.double).contiguous(memory_format=torch.channels_last)
    x.requires_grad_(trained != 'weights')
    weight = torch.randn(7, 5, 1, 1, dtype=torch.double, requires_grad=trained != 'input')
    biases = torch.randn(7, dtype=torch.double, requires_grad=trained != 'input') if bias else None
    wanted = [value for value in (x, weight, biases) if value is not None and value.requires_grad]
    y, expected = pointwise(x, weight, biases), torch.nn.functional.conv2d(x, weight, biases)
    assert ('PointwiseLast' in type(y.grad_fn).__name__) == (trained != 'input')
    assert torch.equal(y, expected) and y.is_contiguous(memory_format=torch.channels_last)
    grad = torch.randn_like(y)
    for one, other in zip(*(torch.autograd.grad(z, wanted, grad) for z in (y, expected)), strict=True):
        assert torch.allclose(one, other, atol=1e-12)


@pytest.mark.parametrize('channels', [9, 64])
def test_outputs_have_the_memory_format_of_the_input(channels):
    ours = Conv2d(channels, 12, (1, 1), (2, 1))
    x = torch.randn(2, channels, 8, 4)
    assert ours(x).is_contiguous()
    ours.to(memory_format=torch.channels_last)
    last = ours(x.contiguous(memory_format=torch.channels_last))
    assert last.is_contiguous(memory_format=torch.channels_last)


def test_frozen_weights_get_no_gradient():
    ours = Conv2d(128, 7, (9, 1), padding=(4, 0)).requires_grad_(False)
    x = torch.randn(2, 128, 10, 33).contiguous(memory_format=torch.channels_last).requires_grad_()
    ours(x).sum().backward()
    assert x.grad is not None and ours.weight.grad is None


def test_autocast_and_tracing_use_plain_convolutions(monkeypatch):
    monkeypatch.setattr(convolution, '_TimeConv', None)
    monkeypatch.setattr(torch, 'baddbmm', None)
    wide, tall = torch.randn(16, 5, 60, 20), torch.randn(2, 128, 10, 33).contiguous(memory_format=torch.channels_last)
    over_time = Conv2d(128, 7, (9, 1), padding=(4, 0))
    weight, bias = torch.randn(3, 5, 1, 1), torch.randn(3)
    with torch.autocast('cpu', torch.bfloat16):
        assert pointwise(wide, weight, bias).dtype == over_time(tall).dtype == torch.bfloat16
    torch.jit.trace(over_time, tall, check_trace=False)


def test_a_layer_can_be_copied_and_pickled_and_has_torchs_state_dict():
    ours = Conv2d(3, 4, (1, 1), (2, 1))
    assert list(ours.state_dict()) == list(nn.Conv2d(3, 4, 1).state_dict())
    x = torch.randn(1, 3, 6, 2)
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(ours(x), other(x))
