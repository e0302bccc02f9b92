import pytest
import torch
from torch import nn

from pyskl.models.layers.time_pool import TimePool


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(('kernel', 'stride'), [(3, 1), (3, 2), (2, 1)])
def test_outputs_and_gradients_equal_those_of_the_plain_pool(kernel, stride, layout):
    torch.manual_seed(0)
    x = torch.randn(2, 4, 7, 3).contiguous(memory_format=layout).requires_grad_()
    plain = nn.MaxPool2d((kernel, 1), (stride, 1), padding=(1, 0))(x)
    ours = TimePool(kernel, stride)(x)
    assert torch.equal(ours, plain)
    assert ours.is_contiguous(memory_format=layout)
    weights = torch.randn_like(plain)
    assert torch.equal(*(torch.autograd.grad(y, x, weights)[0] for y in (ours, plain)))
