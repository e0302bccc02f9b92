import torch
from torch import nn

from pyskl.models.layers.residual import add_to


def test_the_sum_and_its_gradients_equal_the_plain_ones():
    x = torch.randn(4, 3, 2, 5, requires_grad=True)
    norm = nn.BatchNorm2d(3)
    nn.init.normal_(norm.weight)
    ours, theirs = add_to(norm(x), x).relu(), (norm(x) + x).relu()
    assert torch.equal(ours, theirs)
    grad = torch.randn_like(ours)
    assert torch.equal(*(torch.autograd.grad(y, x, grad)[0] for y in (ours, theirs)))


def test_the_sum_is_written_into_the_first_argument():
    y, x = torch.zeros(2), torch.ones(2)
    assert add_to(y, x) is y
    assert y.tolist() == x.tolist() == [1, 1]


def test_types_promote_as_in_a_sum():
    assert add_to(torch.zeros(2, dtype=torch.bfloat16), torch.ones(2)).dtype == torch.float32
