import numpy as np
import pytest
import torch

from pyskl.models.graphs import build_adjacency, edge_matrix, hop_distance, skeleton_matrix
from pyskl.skeletons import SKELETONS, get_skeleton

CHAIN = {'joints': 4, 'edges': [(1, 0), (2, 1), (3, 2)]}  # 0 - 1 - 2 - 3, centre 0
STAR = {'joints': 3, 'edges': [(1, 0), (2, 0)]}


def test_spatial_is_self_then_parent_to_child_then_mean_of_children():
    itself, inward, outward = build_adjacency(STAR, 'spatial')
    assert itself.tolist() == torch.eye(3).tolist()
    assert inward.tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]  # 0 into 1 and into 2
    assert outward.tolist() == [[0, 0, 0], [0.5, 0, 0], [0.5, 0, 0]]  # 1 and 2 into 0, half each


def test_a_parent_receives_the_mean_of_its_children():
    x = torch.tensor([1.0, 10.0, 30.0])
    assert (x @ build_adjacency(STAR, 'spatial')[2]).tolist() == [20, 0, 0]


@pytest.mark.parametrize('layout', SKELETONS)
def test_columns_of_the_normalised_modes_sum_to_one_or_zero(layout):
    for matrix in build_adjacency(layout, 'spatial'):
        total = matrix.sum(0)
        assert torch.all(torch.isclose(total, torch.ones_like(total)) | (total == 0))
    total = build_adjacency(layout, 'stgcn_spatial').sum((0, 1))
    assert torch.allclose(total, torch.ones_like(total))


def test_hops_beyond_the_limit_are_infinite():
    hops = hop_distance(get_skeleton(CHAIN), 2)
    assert hops[0].tolist() == [0, 1, 2, np.inf]
    assert np.array_equal(hops, hops.T)


def test_stgcn_spatial_has_one_and_twice_max_hop_subsets():
    for max_hop in (1, 2, 3):
        assert len(build_adjacency('coco', 'stgcn_spatial', max_hop=max_hop)) == 1 + 2 * max_hop


def test_further_holds_pairs_with_a_smaller_finite_distance_to_the_center():
    _, close, further = build_adjacency(CHAIN, 'stgcn_spatial', max_hop=1)
    # Distances to joint 0 are 0, 1, inf, inf: row 0 is nearer than column 1, row 1 than column 2, inf never.
    assert torch.nonzero(further).tolist() == [[0, 1], [1, 2]]
    assert torch.nonzero(close).tolist() == [[1, 0], [2, 1], [2, 3], [3, 2]]
    assert close[2, 3] == 0.5  # joint 3 has itself and joint 2


def test_binary_adj_is_symmetric_without_self_loops():
    (matrix,) = build_adjacency('coco', 'binary_adj')
    assert torch.equal(matrix, matrix.T)
    assert matrix.diagonal().sum() == 0
    assert matrix.sum() == 2 * len(get_skeleton('coco').edges)


def test_random_graphs_come_from_numpys_global_generator():
    np.random.seed(3)
    sampled = build_adjacency('coco', 'random', num_filter=8, init_std=0.5, init_off=2, nx_node=2)
    np.random.seed(3)
    assert np.allclose(sampled.numpy(), np.random.randn(8, 34, 34) * 0.5 + 2)


def test_an_edge_goes_from_parent_row_to_child_column():
    assert edge_matrix([(1, 0)], 2).tolist() == [[0, 1], [0, 0]]


def test_the_skeleton_matrix_is_not_symmetric():
    matrix = skeleton_matrix(get_skeleton('coco'))
    assert matrix.diagonal().tolist() == [1] * 17
    assert (matrix[15, 13], matrix[13, 15]) == (1, 0)
    assert matrix.sum() == 17 + 19


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        ({'mode': 'spatail'}, "unknown graph_cfg.mode 'spatail'; choose from"),
        ({'layout': 'coc'}, "unknown skeleton 'coc'; choose from"),
        ({'max_hop': 0}, 'graph_cfg.max_hop must be a positive integer, got 0'),
        ({'nx_node': 2}, "graph_cfg.nx_node=2 needs graph_cfg.mode='random'"),
    ],
)
def test_an_invalid_graph_raises(cfg, message):
    with pytest.raises(ValueError, match=message):
        build_adjacency(**cfg)
