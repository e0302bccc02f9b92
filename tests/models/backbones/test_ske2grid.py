import copy
import pickle

import numpy as np
import pytest
import torch

from pyskl.models.backbones import ske2grid
from pyskl.models.backbones.ske2grid import IndexTransform, Ske2Grid, greedy_assignment, upsampling_matrix

CHAIN = {'layout': {'joints': 3, 'edges': [(1, 0), (2, 1)]}}
SMALL = {'base_channels': 4, 'num_stages': 2, 'inflate_stages': (), 'down_stages': (2,)}


def network(grid_shape=(2, 3), sequence=(3, 4), **options):
    torch.manual_seed(0)
    return Ske2Grid(CHAIN, grid_shape, sequence, **{**SMALL, **options})


@pytest.fixture
def assignments(monkeypatch):
    """How often a permutation is looked for."""
    calls = []

    def counted(scores):
        calls.append(len(scores))
        return greedy_assignment(scores)

    monkeypatch.setattr(ske2grid, 'greedy_assignment', counted)
    return calls


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


def test_upsampling_starts_as_the_old_nodes_and_convex_mixes_of_them():
    matrix = upsampling_matrix(5, 3)
    assert torch.equal(matrix[:3], torch.eye(3))
    assert torch.allclose(matrix.sum(1), torch.ones(5))
    assert (matrix >= 0).all()


def test_the_grid_matrix_is_the_product_of_all_stages():
    model = network()
    expected = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 1, 1]])  # B of a chain: itself and its parent
    for upsample, transform in zip(model.sampling_stages, model.SGT_stages, strict=True):
        expected = (upsample @ expected)[transform.index_sel.long()]
    assert torch.allclose(model.grid_matrix(), expected)


@pytest.mark.parametrize('grid_shape', [(2, 3), (3, 2), (1, 7), (4, 4)])
def test_cells_lie_row_by_row(grid_shape):
    model = network(grid_shape, in_channels=1).eval()
    x = torch.randn(1, 1, 2, 3, 1)
    with torch.no_grad():
        cells = model.to_grid(x[0])  # (B, C, T, H * W)
        joints = model.data_bn(x.view(2, 3))
    assert torch.allclose(cells[0, 0], joints @ model.grid_matrix().T, atol=1e-6)
    assert model(x).shape == (1, 1, 4, 1, *grid_shape)


@pytest.mark.parametrize('grid_shape', [(5, 5), (3, 9), (9, 2)])
def test_a_block_is_the_plain_convolutions_of_the_paper(grid_shape):
    torch.manual_seed(0)
    model = Ske2Grid({'layout': 'coco'}, grid_shape, base_channels=8, num_stages=2).eval()
    block = model.st_gcn_networks[1].double()
    h, w = grid_shape
    x = torch.randn(2, 8, 6, h * w, dtype=torch.double)
    frames = x.unflatten(3, grid_shape).transpose(1, 2).flatten(0, 1).contiguous()  # (B * T, C, H, W)
    y = block.gcn2cn.bn(block.gcn2cn.conv(frames))
    y = block.tcn2cn(y.unflatten(0, (2, 6)).transpose(1, 2).flatten(3).contiguous())
    assert torch.allclose(block(x), torch.relu(y + x))


def test_no_activation_is_copied_between_the_two_views():
    model = network(base_channels=8, down_stages=())
    block, seen = model.st_gcn_networks[1], {}
    for name, conv in (('grid', block.gcn2cn.conv), ('time', block.tcn2cn[2])):
        conv.register_forward_hook(lambda _, args, out, name=name: seen.update({name: (args[0], out)}))
    x = torch.randn(2, 6, 6, 8).permute(0, 3, 1, 2)  # (B, C, T, H * W), channels last
    block.eval()(x)
    assert seen['grid'][0].data_ptr() == x.data_ptr()
    assert all(t.is_contiguous(memory_format=torch.channels_last) for pair in seen.values() for t in pair)


def test_absent_persons_are_computed_once_and_score_the_same(monkeypatch):
    model = network().eval()
    x = torch.randn(3, 2, 8, 3, 3)
    x[:, 1] = 0
    rows = []
    model.data_bn.register_forward_hook(lambda _, args, out: rows.append(len(args[0]) // 8))
    with torch.no_grad():
        short = model(x)
        monkeypatch.setattr(ske2grid, 'once_per_absent', lambda network, persons: network(persons))
        full = model(x)
    assert rows == [4, 6]  # three present and one absent; all
    assert torch.allclose(short, full, atol=1e-6)


def test_training_counts_every_absent_person():
    model = network()
    x = torch.randn(3, 2, 8, 3, 3)
    x[:, 1] = 0
    model(x)
    assert torch.allclose(model.data_bn.running_mean, 0.1 * x.reshape(-1, 9).mean(0), atol=1e-6)


def test_all_stages_but_the_last_are_frozen():
    frozen = {key for key, p in network((3, 3), (3, 4, 6)).named_parameters() if not p.requires_grad}
    stages = ('sampling_stages.{}', 'SGT_stages.{}.sgt_trans_mat')
    assert frozen == {name.format(stage) for name in stages for stage in (0, 1)}


def test_a_permutation_is_found_once_a_step_and_never_for_a_frozen_stage(assignments):
    model = network()  # stages of 4 and 6 cells
    assignments.clear()
    optimizer = torch.optim.SGD(model.SGT_stages[1].parameters(), lr=1.0)
    for _ in range(3):
        for _ in range(2):  # two forwards a step, as in gradient accumulation
            model(torch.randn(2, 1, 4, 3, 3)).square().sum().backward()
        optimizer.step()
    assert assignments == [6, 6]  # before the second and the third step's first forward


def test_evaluation_looks_for_no_permutation(assignments):
    model = network().eval()
    assignments.clear()
    for _ in range(3):
        model(torch.randn(2, 1, 4, 3, 3))
    assert not assignments


@pytest.mark.parametrize('fused', [False, True])
def test_index_sel_follows_the_scores_everywhere(fused):
    model = network()
    transform = model.SGT_stages[1]

    def agrees(state):
        expected = greedy_assignment(state['SGT_stages.1.sgt_trans_mat'].double().numpy())
        return state['SGT_stages.1.index_sel'].tolist() == expected.tolist()

    transform.sgt_trans_mat.grad = torch.randn(6, 6)
    torch.optim.SGD([transform.sgt_trans_mat], lr=9.0, fused=fused).step()
    assert agrees(model.state_dict())  # in a file saved right after a step
    transform.sgt_trans_mat.data.copy_(torch.rand(6, 6))  # as weight averaging writes
    model.eval()
    assert transform.index_sel.tolist() == greedy_assignment(transform.sgt_trans_mat.detach().numpy()).tolist()
    with torch.no_grad():
        transform.sgt_trans_mat.copy_(torch.rand(6, 6))
    model(torch.randn(1, 1, 4, 3, 3))  # changed while evaluating
    assert transform.index_sel.tolist() == greedy_assignment(transform.sgt_trans_mat.detach().numpy()).tolist()


def test_a_loaded_index_sel_of_a_step_before_is_put_right():
    state = network().state_dict()
    right = state['SGT_stages.1.index_sel'].clone()
    state['SGT_stages.1.index_sel'] = right.flip(0)
    model = network()
    model.load_state_dict(state)
    assert torch.equal(model.SGT_stages[1].index_sel, right)


def test_growing_takes_stage_zero_and_the_convolutions_and_starts_the_new_stage_fresh():
    small, grown = network((2, 2), (3,)), network((2, 3), (3, 4))
    missing = grown.load_state_dict(small.state_dict(), strict=False).missing_keys
    assert missing == ['sampling_stages.1', 'SGT_stages.1.sgt_trans_mat', 'SGT_stages.1.index_sel']
    assert torch.equal(grown.sampling_stages[0], small.sampling_stages[0])
    assert torch.equal(grown.SGT_stages[0].index_sel, small.SGT_stages[0].index_sel)


def test_a_copy_moves_on_by_itself():
    model = network()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        with torch.no_grad():
            other.SGT_stages[1].sgt_trans_mat.copy_(torch.eye(6))
        other(torch.randn(2, 1, 4, 3, 3))
        assert other.SGT_stages[1].index_sel.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_network_scores_under_inference_mode_and_trains_afterwards():
    model, x = network(), torch.randn(2, 1, 4, 3, 3)
    with torch.inference_mode():
        model.eval()(x)
    model.train()(x).sum().backward()
    assert model.SGT_stages[1].sgt_trans_mat.grad is not None


@pytest.mark.parametrize('kernel_size', [1, 5])
def test_any_odd_kernel_keeps_the_grid(kernel_size):
    assert network(kernel_size=kernel_size)(torch.randn(2, 1, 4, 3, 3)).shape == (2, 1, 4, 2, 2, 3)


def test_a_skeleton_of_as_many_joints_as_cells_is_placed_as_it_is():
    model = network((1, 3), (3, 3))
    assert all(torch.equal(upsample, torch.eye(3)) for upsample in model.sampling_stages)
    assert model(torch.randn(2, 3, 4, 3, 3)).shape == (2, 3, 4, 2, 1, 3)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            {'grid_shape': (1, 3)},
            r'grid_shape \(1, 3\) has 3 cells, fewer than the 4 .* take a grid of 4 cells or more',
        ),
        ({'grid_shape': (6,)}, r'grid_shape must be two positive integers \(H, W\), got \(6,\)'),
        ({'grid_shape': (2.0, 3)}, 'grid_shape must be two positive integers'),
        ({'sequence': (4, 5)}, r"progressive_joint_seq must start with 3, the joints of 'custom', got \[4, 5\]"),
        ({'sequence': ()}, 'progressive_joint_seq must start with 3'),
        ({'sequence': (3, 5, 4)}, r'must not shrink, got \[3, 5, 4\]; try \[3, 4, 5\]'),
        ({'kernel_size': 4}, 'backbone.kernel_size must be an odd positive integer, got 4'),
        ({'temporal_kernel_size': 8}, 'backbone.temporal_kernel_size must be an odd positive integer, got 8'),
    ],
)
def test_an_impossible_network_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        network(**options)


def test_a_misspelt_graph_key_is_answered_with_the_right_one():
    with pytest.raises(ValueError, match="graph_cfg has no argument 'layuot'; did you mean 'layout'"):
        Ske2Grid({'layuot': 'coco'})
