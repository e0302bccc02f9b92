"""The up-sampling transform (UPT), the grid index transform (GIT) and their initial values."""

import copy

import numpy as np
import pytest
import torch

from pyskl.models.backbones.skeleton_to_grid import (
    IndexTransform,
    greedy_assignment,
    greedy_assignment_on_device,
    grid_inside,
    grow_around,
    place_skeleton,
    scores_that_give,
    upsampling_matrix,
)
from pyskl.skeletons import get_skeleton


def test_each_row_takes_its_best_free_column():
    scores = np.array([[1, 9, 2], [3, 8, 1], [7, 6, 5]])  # row 1 would take column 1, which row 0 has
    assert greedy_assignment(scores).tolist() == [1, 0, 2]


@pytest.mark.parametrize('scores', [np.zeros((4, 4)), np.full((4, 4), -np.inf), np.full((4, 4), np.nan)])
def test_any_scores_give_a_bijection(scores):
    assert sorted(greedy_assignment(scores).tolist()) == [0, 1, 2, 3]


def test_random_scores_give_a_greedy_bijection():
    scores = np.random.RandomState(0).rand(64, 64)
    columns = greedy_assignment(scores)
    assert sorted(columns.tolist()) == list(range(64))
    for row, column in enumerate(columns):
        free = sorted(set(range(64)) - set(columns[:row].tolist()))
        assert scores[row, column] == scores[row, free].max()


@pytest.mark.parametrize(
    'scores',
    [
        torch.zeros(4, 4),
        torch.full((4, 4), -torch.inf),
        torch.full((4, 4), torch.nan),
        torch.tensor([[1.0, torch.nan, torch.inf], [torch.inf, 2.0, -torch.inf], [0.0, 0.0, 0.0]]),
        torch.randint(4, (25, 25)).float(),
        torch.randn(64, 64),
    ],
    ids=['ties', 'lowest', 'nan', 'mixed', 'whole', '8x8'],
)
def test_the_assignment_on_the_device_is_that_on_the_host(scores):
    before = scores.clone()
    columns = greedy_assignment_on_device(scores)
    assert columns.tolist() == greedy_assignment(scores.numpy()).tolist()
    assert torch.equal(scores.nan_to_num(), before.nan_to_num())


@pytest.mark.gpu
def test_a_gpu_has_the_permutation_of_the_cpu():
    transform = IndexTransform(25)
    on_gpu = copy.deepcopy(transform).cuda()
    for module in (transform, on_gpu):
        with torch.no_grad():
            module.sgt_trans_mat.neg_()
        module.refresh()
    assert on_gpu.index_sel.tolist() == transform.index_sel.tolist()


def test_the_gradient_goes_straight_through_to_the_scores():
    transform = IndexTransform(3)
    x = torch.tensor([[1.0], [10.0], [100.0]])
    out = transform(x)
    assert out[:, 0].tolist() == x[transform.index_sel.long(), 0].tolist()
    weight = torch.tensor([[1.0], [2.0], [3.0]])
    (out * weight).sum().backward()
    assert transform.sgt_trans_mat.grad.tolist() == (weight @ x.T).tolist()  # d (P x) . w / d P = w x^T


def test_a_frozen_permutation_gives_the_same_rows():
    transform, x = IndexTransform(5), torch.randn(5, 2)
    trained = transform(x)
    assert torch.equal(trained, transform.requires_grad_(False)(x))


def test_upsampling_starts_as_the_old_nodes_plus_convex_combinations_of_them():
    matrix = upsampling_matrix(5, 3)
    assert torch.equal(matrix[:3], torch.eye(3))
    assert torch.allclose(matrix.sum(1), torch.ones(5))
    assert (matrix >= 0).all()


def test_a_temperature_gives_the_gradient_of_a_softmax():
    transform = IndexTransform(3, temperature=0.5)
    x, weight = torch.randn(3, 2), torch.randn(3, 2)
    (transform(x) * weight).sum().backward()
    scores = transform.sgt_trans_mat.detach().requires_grad_()
    ((scores / 0.5).softmax(1) @ x * weight).sum().backward()
    assert torch.allclose(transform.sgt_trans_mat.grad, scores.grad, atol=1e-6)
    assert torch.equal(transform(x), x[transform.index_sel.long()])


def test_initial_scores_give_the_requested_order():
    order = [3, 0, 4, 1, 2]
    assert greedy_assignment(scores_that_give(order).numpy()).tolist() == order
    assert IndexTransform(5, node_of=order).index_sel.tolist() == order


@pytest.mark.parametrize('name', ['coco', 'nturgb+d', 'nw-ucla'])
@pytest.mark.parametrize('grid_shape', [(5, 5), (6, 6), (5, 6)])
def test_neighbouring_joints_are_placed_in_neighbouring_cells(name, grid_shape):
    skeleton = get_skeleton(name)
    order = place_skeleton(tuple(map(tuple, skeleton.edges)), grid_shape)
    assert sorted(order) == list(range(grid_shape[0] * grid_shape[1]))
    cell = {node: np.array(divmod(number, grid_shape[1])) for number, node in enumerate(order)}
    assert all(np.abs(cell[a] - cell[b]).max() == 1 for a, b in skeleton.edges)


def test_a_star_of_nine_is_placed_around_its_centre():
    order = place_skeleton(tuple((0, leaf) for leaf in range(1, 9)), (3, 3))
    assert order[4] == 0


def test_the_smaller_grid_has_the_proportions_of_the_larger():
    assert grid_inside(25, (6, 6)) == (5, 5)
    assert grid_inside(20, (6, 6)) == (4, 5)
    assert grid_inside(12, (3, 8)) == (2, 6)
    with pytest.raises(ValueError, match=r'git_init .* no grid of 23 cells fits into \(6, 6\)'):
        grid_inside(23, (6, 6))


def test_a_grid_grows_by_copies_of_its_nearest_cells():
    upsampling, order, inside = grow_around((2, 2), (3, 3))
    cells = (upsampling @ torch.tensor([1.0, 2, 3, 4]))[torch.tensor(order)].view(3, 3)
    assert cells.tolist() == [[1, 2, 2], [3, 4, 4], [3, 4, 4]]
    assert torch.equal(upsampling[:4], torch.eye(4))
    assert inside.tolist() == [1, 1, 0, 1, 1, 0, 0, 0, 0]
