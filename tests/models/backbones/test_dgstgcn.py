import numpy as np
import pytest
import torch

from pyskl.models.backbones.dgstgcn import DGGCN, DGSTGCN, DGTCN

GRAPH = {'layout': {'joints': 3, 'edges': [(1, 0), (2, 1)]}, 'mode': 'random', 'num_filter': 4}
SMALL = {'base_channels': 8, 'num_stages': 3, 'inflate_stages': [3], 'down_stages': [3]}


def unit(**options):
    torch.manual_seed(0)
    model = DGGCN(6, 8, torch.rand(4, 3, 3), **options)
    torch.nn.init.normal_(model.alpha)
    torch.nn.init.normal_(model.beta)
    return model.eval()


def test_all_blocks_start_from_one_sample_of_numpys_generator():
    np.random.seed(3)
    first = DGSTGCN(GRAPH, **SMALL)
    np.random.seed(3)
    again = DGSTGCN(GRAPH, **SMALL)
    graphs = [block.gcn.A for model in (first, again) for block in model.gcn]
    assert all(torch.equal(graph, graphs[0]) for graph in graphs)
    assert len({graph.data_ptr() for graph in graphs}) == 6  # equal, but learned apart
    assert not torch.equal(DGSTGCN(GRAPH, **SMALL).gcn[0].gcn.A, graphs[0])


def test_the_similarities_of_a_group_sum_to_one():
    model = unit(ctr=None)
    torch.nn.init.ones_(model.beta)
    difference = model.graph(torch.randn(2, 6, 5, 3)) - model.A[None, :, None, None]
    assert difference.shape == (2, 4, 1, 1, 3, 3)
    assert torch.allclose(difference.sum(-2), torch.ones(1), atol=1e-5)


@pytest.mark.parametrize('subset_wise', [False, True])
def test_all_groups_use_the_first_alpha_and_beta_unless_subset_wise(subset_wise):
    model = unit(subset_wise=subset_wise)
    model(torch.randn(2, 6, 5, 3)).sum().backward()
    assert (model.alpha.grad[1:] != 0).any() == subset_wise
    assert (model.beta.grad[1:] != 0).any() == subset_wise


@pytest.mark.parametrize('given', [('T', 'T'), ('T', None), (None, 'T')])
def test_with_one_frame_the_mean_over_time_equals_the_frame(given):
    x = torch.randn(2, 6, 1, 3)
    frames = [None if each is None else 'NA' for each in given]
    mean, each = unit(ctr=given[0], ada=given[1]), unit(ctr=frames[0], ada=frames[1])
    assert torch.allclose(mean(x), each(x), atol=1e-6)


def test_na_gives_every_frame_its_own_graph():
    model, x = unit(ctr='NA', ada='NA'), torch.randn(2, 6, 5, 3)
    assert torch.allclose(model(x), torch.cat([model(x[:, :, t : t + 1]) for t in range(5)], dim=2), atol=1e-5)


def test_without_ctr_and_ada_every_sample_has_the_learned_graph():
    model = unit(ctr=None, ada=None)
    assert not hasattr(model, 'conv1')
    assert torch.equal(model.graph(torch.randn(2, 6, 5, 3)), model.A.view(1, 4, 1, 1, 3, 3))


def test_the_mean_joint_is_added_to_each_joint_by_its_coefficient():
    torch.manual_seed(0)
    model, x = DGTCN(6, 6, num_joints=4).eval(), torch.randn(2, 6, 5, 3)
    with torch.no_grad():
        plain = model(x)
        model.add_coeff[1] = 1
        assert ((model(x) - plain).abs().amax((0, 1, 2)) > 1e-3).tolist() == [False, True, False]


def test_six_branches_are_not_split_over_six_stages():
    model = DGSTGCN(GRAPH, base_channels=8, num_stages=6)
    assert [len(block.tcn.branches) for block in model.gcn] == [6] * 6


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'gcn_ctr': 'V'}, r"unknown backbone.gcn_ctr 'V'; choose from \('T', 'NA', None\)"),
        ({'gcn_ada_act': 'gelu'}, "unknown backbone.gcn_ada_act 'gelu'; choose from"),
        ({'gcn_ratio': 0.1}, 'backbone.gcn_ratio=0.1 leaves a group no channel of 8'),
        ({'tcn_num_joints': 2}, 'backbone.tcn_num_joints=2 is less than the V=3 joints of graph_cfg.layout'),
    ],
)
def test_an_invalid_option_raises(options, message):
    with pytest.raises(ValueError, match=message):
        DGSTGCN(GRAPH, **{**SMALL, **options})
