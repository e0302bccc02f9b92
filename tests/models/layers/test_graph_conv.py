import copy

import pytest
import torch

from pyskl.models.layers.graph_conv import UnitGCN
from tests.models.gradients import assert_equal_gradients

A = torch.tensor([[[1.0, 0], [0, 1]], [[0.0, 1], [0, 0]]])  # itself; joint 0 into joint 1


def unit(**options):
    torch.manual_seed(0)
    return UnitGCN(options.pop('in_channels', 2), 2, A, **options)


def test_gather_sums_over_subsets_and_joints():
    x = torch.zeros(1, 2, 1, 1, 2)  # (B, K, C, T, V)
    x[0, :, 0, 0] = torch.tensor([[3.0, 5.0], [70.0, 90.0]])
    assert unit(adaptive=None).gather(x).flatten().tolist() == [3, 5 + 70]


def test_scatter_gives_each_subset_its_own_channels():
    x = torch.tensor([3.0, 5.0]).view(1, 1, 1, 2)
    assert unit(adaptive=None).scatter(x)[0, :, 0].tolist() == [[3, 5], [0, 3]]


@pytest.mark.parametrize('conv_pos', ['pre', 'post'])
def test_a_unit_equals_the_published_sum(conv_pos):
    model = unit(conv_pos=conv_pos, norm=None, act=None).double()
    torch.nn.init.normal_(model.PA)
    x, graph = torch.randn(3, 2, 4, 2, dtype=torch.double), model.A * model.PA
    if conv_pos == 'pre':
        expected = torch.einsum('nkctv,kvw->nctw', model.conv(x).unflatten(1, (2, 2)), graph)
    else:
        expected = model.conv(torch.einsum('nctv,kvw->nkctw', x, graph).flatten(1, 2))
    assert torch.allclose(model(x), expected)


@pytest.mark.parametrize('adaptive', ['init', 'offset', 'importance'])
def test_a_unit_that_widens_sums_joints_first_with_equal_results_and_gradients(adaptive, monkeypatch):
    ours = unit(adaptive=adaptive, norm=None, act=None, in_channels=1).double()
    for value in ours.parameters():
        torch.nn.init.normal_(value)
    theirs, x = copy.deepcopy(ours), torch.randn(3, 1, 4, 2, dtype=torch.double)
    expected = torch.einsum('nkctv,kvw->nctw', theirs.conv(x).unflatten(1, (2, 2)), theirs.adjacency())
    monkeypatch.setattr(ours, 'gather', None)  # sums the wide maps
    y = ours(x)
    assert torch.allclose(y, expected, atol=1e-12)
    assert_equal_gradients(ours, theirs, y, expected)


@pytest.mark.parametrize(
    ('adaptive', 'trained'), [(None, set()), ('init', {'A'}), ('offset', {'PA'}), ('importance', {'PA'})]
)
def test_adaptive_selects_the_trained_part_of_the_graph(adaptive, trained):
    model = unit(adaptive=adaptive)
    assert {name for name, _ in model.named_parameters()} & {'A', 'PA'} == trained
    assert torch.allclose(model.adjacency(), A, atol=2e-6)
    model(torch.randn(2, 2, 3, 2)).square().sum().backward()
    assert all(getattr(model, name).grad is not None for name in trained)


def test_the_residual_is_the_input_or_a_convolution_of_it():
    x = torch.rand(2, 2, 3, 2)
    model = unit(with_res=True, act=None).eval()
    assert torch.allclose(model(x) - x, unit(act=None).eval()(x), atol=1e-6)
    assert {'down.0.weight', 'down.1.weight'} <= set(unit(with_res=True, in_channels=3).state_dict())


def test_channels_last_maps_stay_channels_last():
    x = torch.randn(2, 2, 3, 2).to(memory_format=torch.channels_last)
    assert unit()(x).is_contiguous(memory_format=torch.channels_last)
