import copy
import pickle

import pytest
import torch
from torch import nn

from pyskl.models.layers.convolution import Conv2d, Conv3d

LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def convolutions(*args, **kwargs):
    """The layer and torch's own, with the same weights."""
    ours, theirs = (Conv2d, nn.Conv2d) if len(args[2]) == 2 else (Conv3d, nn.Conv3d)
    ours, theirs = ours(*args, **kwargs), theirs(*args, **kwargs)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize(
    ('channels', 'kernel', 'stride', 'size'),
    [
        (9, (1, 1), (2, 1), (10, 5)),
        (64, (1, 1), (2, 1), (10, 5)),
        (9, (1, 1), (1, 1), (10, 5)),
        (9, (9, 1), (2, 1), (10, 5)),
        (9, (1, 1), (2, 2), (7, 6)),
        (9, (1, 1, 1), (1, 2, 2), (3, 6, 7)),
        (64, (1, 1, 1), (2, 2, 2), (4, 6, 6)),
        (9, (1, 3, 3), (2, 2, 2), (4, 6, 6)),
    ],
)
def test_outputs_and_gradients_are_those_of_torch(channels, kernel, stride, size, channels_last):
    padding = tuple(k // 2 for k in kernel)
    ours, theirs = convolutions(channels, 12, kernel, stride, padding)
    x = torch.randn(2, channels, *size)
    if channels_last:
        x = x.contiguous(memory_format=LAST[x.ndim])
    # torch's own layer may run the kernel that corrupts the heap, so it gets contiguous maps.
    one, other = x.clone().requires_grad_(), x.clone(memory_format=torch.contiguous_format).requires_grad_()
    y, expected = ours(one), theirs(other)
    assert torch.allclose(y, expected, atol=1e-5)
    grad = torch.randn_like(expected)
    y.backward(grad)
    expected.backward(grad)
    assert torch.allclose(one.grad, other.grad, atol=1e-5)
    assert torch.allclose(ours.weight.grad, theirs.weight.grad, atol=1e-4)
    assert torch.allclose(ours.bias.grad, theirs.bias.grad, atol=1e-4)


@pytest.mark.parametrize('channels', [9, 64])
def test_the_layout_of_the_maps_stays(channels):
    ours, _ = convolutions(channels, 12, (1, 1), (2, 1))
    x = torch.randn(2, channels, 8, 4)
    assert ours(x).is_contiguous()
    ours.to(memory_format=torch.channels_last)
    last = ours(x.contiguous(memory_format=torch.channels_last))
    assert last.is_contiguous(memory_format=torch.channels_last)


def test_a_strided_layer_is_copied_and_pickled_and_has_the_state_of_torch():
    ours, theirs = convolutions(3, 4, (1, 1), (2, 1))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = torch.randn(1, 3, 6, 2)
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(ours(x), other(x))
