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


def test_all_blocks_start_from_one_draw_of_numpys_generator():
    np.random.seed(3)
    first = DGSTGCN(GRAPH, **SMALL)
    np.random.seed(3)
    again = DGSTGCN(GRAPH, **SMALL)
    graphs = [block.gcn.A for model in (first, again) for block in model.gcn]
    assert all(torch.equal(graph, graphs[0]) for graph in graphs)
    assert len({graph.data_ptr() for graph in graphs}) == 6  # equal, but learned apart
    assert not torch.equal(DGSTGCN(GRAPH, **SMALL).gcn[0].gcn.A, graphs[0])


def test_the_similarity_of_a_group_shares_one_among_the_joints_summed():
    model = unit(ctr=None)
    torch.nn.init.ones_(model.beta)
    bend = model.graph(torch.randn(2, 6, 5, 3)) - model.A[None, :, None, None]
    assert bend.shape == (2, 4, 1, 1, 3, 3)
    assert torch.allclose(bend.sum(-2), torch.ones(1), atol=1e-5)


@pytest.mark.parametrize('subset_wise', [False, True])
def test_the_first_weight_counts_for_all_groups_unless_each_has_its_own(subset_wise):
    model = unit(subset_wise=subset_wise)
    model(torch.randn(2, 6, 5, 3)).sum().backward()
    assert (model.alpha.grad[1:] != 0).any() == subset_wise
    assert (model.beta.grad[1:] != 0).any() == subset_wise


@pytest.mark.parametrize('given', [('T', 'T'), ('T', None), (None, 'T')])
def test_of_one_frame_the_mean_over_time_is_the_frame(given):
    x = torch.randn(2, 6, 1, 3)
    frames = [None if each is None else 'NA' for each in given]
    mean, each = unit(ctr=given[0], ada=given[1]), unit(ctr=frames[0], ada=frames[1])
    assert torch.allclose(mean(x), each(x), atol=1e-6)


def test_frames_apart_have_graphs_apart():
    model, x = unit(ctr='NA', ada='NA'), torch.randn(2, 6, 5, 3)
    assert torch.allclose(model(x), torch.cat([model(x[:, :, t : t + 1]) for t in range(5)], dim=2), atol=1e-5)


def test_a_graph_left_alone_is_the_same_for_all():
    model = unit(ctr=None, ada=None)
    assert not hasattr(model, 'conv1')
    assert torch.equal(model.graph(torch.randn(2, 6, 5, 3)), model.A.view(1, 4, 1, 1, 3, 3))


def test_the_mean_joint_adds_to_the_others_what_they_learned_to_take():
    torch.manual_seed(0)
    model, x = DGTCN(6, 6, num_joints=4).eval(), torch.randn(2, 6, 5, 3)
    with torch.no_grad():
        plain = model(x)
        model.add_coeff[1] = 1
        assert ((model(x) - plain).abs().amax((0, 1, 2)) > 1e-3).tolist() == [False, True, False]


def test_six_stages_leave_the_six_branches_whole():
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
def test_an_impossible_option_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        DGSTGCN(GRAPH, **{**SMALL, **options})
