import pickle

import pytest
import torch
from torch import nn

from pyskl.models.layers.conv3d import AvgPool3d
from pyskl.models.layers.convolution3d import Conv3d, as_images, from_images


def convolutions(*args, **kwargs):
    """Our layer and torch's, with the same weights, in float64."""
    torch.manual_seed(0)
    ours, theirs = Conv3d(*args, **kwargs), nn.Conv3d(*args, **kwargs)
    theirs.load_state_dict(ours.state_dict())
    return ours.double(), theirs.double()


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize('bias', [False, True])
@pytest.mark.parametrize(
    ('kernel', 'stride', 'groups'),
    [
        ((1, 1, 1), 1, 1),
        ((1, 1, 1), (1, 2, 2), 1),
        ((1, 1, 1), (2, 2, 2), 1),
        ((1, 3, 3), 1, 1),
        ((1, 3, 3), (2, 2, 2), 1),
        ((1, 7, 7), (1, 2, 2), 1),
        ((1, 1, 3), (1, 2, 2), 1),
        ((3, 1, 1), 1, 1),
        ((3, 1, 1), (2, 2, 2), 1),
        ((5, 1, 1), 1, 6),
        ((3, 3, 3), (2, 1, 1), 1),
        ((3, 3, 3), 1, 6),
        ((3, 3, 3), (1, 2, 2), 6),
        ((3, 3, 3), (2, 2, 2), 6),
        ((3, 3, 3), 1, 2),
        ((3, 5, 1), (1, 2, 1), 6),
    ],
)
def test_outputs_and_gradients_equal_those_of_torch(kernel, stride, groups, bias, layout):
    ours, theirs = convolutions(6, 6, kernel, stride, tuple(k // 2 for k in kernel), groups=groups, bias=bias)
    x = torch.randn(2, 6, 5, 7, 6, dtype=torch.double)
    one, other = x.clone(memory_format=layout).requires_grad_(), x.clone().requires_grad_()
    y, expected = ours(one), theirs(other)
    assert torch.allclose(y, expected, atol=1e-12)
    grad = torch.randn_like(expected)
    y.backward(grad)
    expected.backward(grad)
    assert torch.allclose(one.grad, other.grad, atol=1e-11)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a.grad, b.grad, atol=1e-10)


@pytest.mark.parametrize('kernel', [(1, 1, 1), (1, 3, 3), (3, 1, 1), (3, 3, 3)])
@pytest.mark.parametrize('groups', [1, 6])
def test_channels_last_maps_stay_so(kernel, groups):
    ours = Conv3d(6, 6, kernel, 1, tuple(k // 2 for k in kernel), groups=groups).to(
        memory_format=torch.channels_last_3d
    )
    x = torch.randn(2, 6, 5, 7, 6).contiguous(memory_format=torch.channels_last_3d)
    if (kernel, groups) == ((1, 1, 1), 6):
        return  # torch's own kernel
    assert ours(x).is_contiguous(memory_format=torch.channels_last_3d)


def test_images_share_the_memory_of_the_volume():
    x = torch.randn(2, 3, 4, 5, 6).contiguous(memory_format=torch.channels_last_3d)
    images = as_images(x)
    assert torch.equal(images[5], x[1, :, 1])
    assert from_images(images, 2).data_ptr() == images.data_ptr() == x.data_ptr()
    assert torch.equal(from_images(images, 2), x)


@pytest.mark.parametrize('size', [2, (1, 2, 2), (2, 3, 2)])
def test_pools_equal_those_of_torch(size):
    x = torch.randn(2, 3, 5, 7, 6, dtype=torch.double)
    expected = nn.AvgPool3d(size)(x)
    last = AvgPool3d(size)(x.contiguous(memory_format=torch.channels_last_3d))
    assert torch.allclose(last, expected, atol=1e-14)
    assert last.is_contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(AvgPool3d(size)(x), expected)


def test_a_layer_can_be_pickled():
    ours, _ = convolutions(6, 6, 3, 1, 1, groups=6)
    x = torch.randn(1, 6, 3, 4, 4, dtype=torch.double).contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(pickle.loads(pickle.dumps(ours))(x), ours(x))
