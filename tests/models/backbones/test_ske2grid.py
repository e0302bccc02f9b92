import copy
import pickle

import pytest
import torch

from pyskl.models.backbones import ske2grid, skeleton_to_grid
from pyskl.models.backbones.ske2grid import Ske2Grid
from pyskl.models.backbones.skeleton_to_grid import greedy_assignment

CHAIN = {'layout': {'joints': 3, 'edges': [(1, 0), (2, 1)]}}
SMALL = {'base_channels': 4, 'num_stages': 2, 'inflate_stages': (), 'down_stages': (2,)}


def network(grid_shape=(2, 3), sequence=(3, 4), **options):
    torch.manual_seed(0)
    return Ske2Grid(CHAIN, grid_shape, sequence, **{**SMALL, **options})


@pytest.fixture
def assignments(monkeypatch):
    """One entry per computed permutation: its number of cells."""
    calls = []

    def counted(scores):
        calls.append(len(scores))
        return greedy_assignment(scores)

    monkeypatch.setattr(skeleton_to_grid, 'greedy_assignment', counted)
    return calls


def test_the_grid_matrix_is_the_product_of_all_stages():
    model = network()
    expected = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 1, 1]])  # B of a chain: itself and its parent
    for upsample, transform in zip(model.sampling_stages, model.SGT_stages, strict=True):
        expected = (upsample @ expected)[transform.index_sel.long()]
    assert torch.allclose(model.grid_matrix(), expected)


@pytest.mark.parametrize('grid_shape', [(2, 3), (3, 2), (1, 7), (4, 4)])
def test_cells_are_in_row_major_order(grid_shape):
    model = network(grid_shape, in_channels=1).eval()
    x = torch.randn(1, 1, 2, 3, 1)
    with torch.no_grad():
        cells = model.to_grid(model.normalize(x[0]))  # (B, C, T, H * W)
        joints = model.data_bn(x.view(2, 3))
    assert torch.allclose(cells[0, 0], joints @ model.grid_matrix().T, atol=1e-6)
    assert model(x).shape == (1, 1, 4, 1, *grid_shape)


@pytest.mark.parametrize('grid_shape', [(5, 5), (3, 9), (9, 2)])
def test_a_block_equals_the_plain_convolutions_of_the_paper(grid_shape):
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


def test_absent_persons_are_computed_once_with_equal_output(monkeypatch):
    model = network().eval()
    x = torch.randn(3, 2, 8, 3, 3)
    x[:, 1] = 0
    rows = []
    model.st_gcn_networks[0].register_forward_hook(lambda _, args, out: rows.append(len(out)))
    with torch.no_grad():
        short = model(x)
        monkeypatch.setattr(ske2grid, 'once_per_absent', lambda network, encode, persons, joints: encode(persons))
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


def test_a_permutation_is_computed_once_per_step_and_never_for_a_frozen_stage(assignments):
    model = network()  # stages of 4 and 6 cells
    assignments.clear()
    optimizer = torch.optim.SGD(model.SGT_stages[1].parameters(), lr=1.0)
    for _ in range(3):
        for _ in range(2):  # two forwards a step, as in gradient accumulation
            model(torch.randn(2, 1, 4, 3, 3)).square().sum().backward()
        optimizer.step()
    assert assignments == [6, 6]  # before the second and the third step's first forward


def test_evaluation_computes_no_permutation(assignments):
    model = network().eval()
    assignments.clear()
    for _ in range(3):
        model(torch.randn(2, 1, 4, 3, 3))
    assert not assignments


@pytest.mark.parametrize('fused', [False, True])
def test_index_sel_follows_every_change_of_the_scores(fused):
    model = network()
    transform = model.SGT_stages[1]

    def agrees(state):
        expected = greedy_assignment(state['SGT_stages.1.sgt_trans_mat'].double().numpy())
        return state['SGT_stages.1.index_sel'].tolist() == expected.tolist()

    transform.sgt_trans_mat.grad = torch.randn(6, 6)
    torch.optim.SGD([transform.sgt_trans_mat], lr=9.0, fused=fused).step()
    assert agrees(model.state_dict())  # as saved right after a step
    transform.sgt_trans_mat.data.copy_(torch.rand(6, 6))  # as weight averaging writes
    model.eval()
    assert transform.index_sel.tolist() == greedy_assignment(transform.sgt_trans_mat.detach().numpy()).tolist()
    with torch.no_grad():
        transform.sgt_trans_mat.copy_(torch.rand(6, 6))
    model(torch.randn(1, 1, 4, 3, 3))  # changed while evaluating
    assert transform.index_sel.tolist() == greedy_assignment(transform.sgt_trans_mat.detach().numpy()).tolist()


def test_a_stale_index_sel_is_recomputed_on_loading():
    state = network().state_dict()
    right = state['SGT_stages.1.index_sel'].clone()
    state['SGT_stages.1.index_sel'] = right.flip(0)
    model = network()
    model.load_state_dict(state)
    assert torch.equal(model.SGT_stages[1].index_sel, right)


def test_a_smaller_checkpoint_fills_all_but_the_new_stage():
    small, grown = network((2, 2), (3,)), network((2, 3), (3, 4))
    missing = grown.load_state_dict(small.state_dict(), strict=False).missing_keys
    assert missing == ['sampling_stages.1', 'SGT_stages.1.sgt_trans_mat', 'SGT_stages.1.index_sel']
    assert torch.equal(grown.sampling_stages[0], small.sampling_stages[0])
    assert torch.equal(grown.SGT_stages[0].index_sel, small.SGT_stages[0].index_sel)


def test_a_copy_updates_its_own_permutation():
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


def test_a_skeleton_with_one_joint_per_cell_is_upsampled_by_the_identity():
    model = network((1, 3), (3, 3))
    assert all(torch.equal(upsample, torch.eye(3)) for upsample in model.sampling_stages)
    assert model(torch.randn(2, 3, 4, 3, 3)).shape == (2, 3, 4, 2, 1, 3)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            {'grid_shape': (1, 3)},
            r'grid_shape \(1, 3\) has 3 cells, fewer than the 4 .* use a grid of 4 cells or more',
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
def test_an_invalid_grid_or_kernel_raises(options, message):
    with pytest.raises(ValueError, match=message):
        network(**options)


def test_a_misspelt_graph_key_raises_with_the_nearest_key():
    with pytest.raises(ValueError, match="graph_cfg has no argument 'layuot'; did you mean 'layout'"):
        Ske2Grid({'layuot': 'coco'})


LITE = {'base_channels': 16, 'num_stages': 3, 'inflate_stages': (2, 3), 'down_stages': (3,)}


def lite(grid_shape=(5, 5), sequence=(17,), **options):
    torch.manual_seed(0)
    return Ske2Grid({'layout': 'coco'}, grid_shape, sequence, **{**LITE, **options})


def test_options_that_are_off_add_no_key_and_no_random_number():
    plain = lite()
    state = torch.get_rng_state()
    off = lite(tcn='conv', groups=1, git_init='random', git_temperature=None, pyramid=False)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(plain.state_dict().values(), off.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    'options',
    [
        {'tcn': 'mstcn'},
        {'groups': 8},
        {'git_init': 'skeleton'},
        {'git_init': 'grow'},
        {'git_temperature': 0.1},
        {'pyramid': True},
        {'tcn': 'mstcn', 'groups': 8, 'git_init': 'skeleton', 'git_temperature': 0.1, 'pyramid': True},
    ],
)
def test_every_option_trains_every_parameter(options):
    model = lite((6, 6), (17, 25), **options)
    out = model(torch.randn(2, 2, 8, 17, 3))
    assert out.shape == (2, 2, 64, 4, *((2, 2) if options.get('pyramid') else (6, 6)))
    (out * torch.randn_like(out)).sum().backward()
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name for name, parameter in model.named_parameters() if parameter.grad is not None} == trained


def test_groups_are_convolved_separately_and_then_mixed():
    block = lite(groups=8).st_gcn_networks[1]
    assert (block.gcn2cn.conv.groups, tuple(block.gcn2cn.conv.weight.shape)) == (8, (32, 2, 3, 3))
    assert tuple(block.gcn2cn.mix.weight.shape) == (32, 32, 1, 1)
    assert lite(groups=8).st_gcn_networks[0].gcn2cn.conv.groups == 1  # of three coordinates


def test_a_pyramid_averages_two_by_two_cells():
    block = lite(pyramid=True).eval().st_gcn_networks[1]
    seen = []
    block.gcn2cn.conv.register_forward_hook(lambda _, args, out: seen.append(args[0]))
    x = torch.arange(25.0).expand(1, 16, 1, 25)
    block(x)
    assert seen[0][0, 0].tolist() == [[3, 5, 6.5], [13, 15, 16.5], [20.5, 22.5, 24]]


@pytest.mark.parametrize('options', [{}, {'tcn': 'mstcn', 'groups': 8}])
@pytest.mark.parametrize('grid_shape', [(6, 6), (5, 7)])
def test_a_grown_network_computes_the_same_features_as_the_small_one(options, grid_shape):
    torch.manual_seed(1)
    small = lite(git_init='grow', **options)
    small(torch.randn(4, 1, 8, 17, 3))  # running statistics that differ from the initial ones
    middle = lite(grid_shape, (17, 25), git_init='grow', **options)
    large = lite((7, 8), (17, 25, grid_shape[0] * grid_shape[1]), git_init='grow', **options)
    x = torch.randn(2, 2, 8, 17, 3)
    expected = small.eval()(x).mean((-1, -2))
    for before, after in ((small, middle), (middle, large)):
        missing = after.load_state_dict(before.state_dict(), strict=False).missing_keys
        stage = len(after.SGT_stages) - 1
        assert {after.stage_of(key) for key in missing} == {stage}
        grown = after.eval()(x).mean((-1, -2))
        assert (grown - expected).abs().max() < 1e-5 * expected.abs().max()


def test_a_grown_network_trains_the_gates_of_its_new_cells():
    model = lite((6, 6), (17, 25), git_init='grow')
    assert model.cell_gates['1'].sum() == 25
    out = model(torch.randn(2, 1, 8, 17, 3))
    (out * torch.randn_like(out)).sum().backward()
    assert model.cell_gates['1'].grad.ne(0).all()
    model = lite((7, 7), (17, 25, 36), git_init='grow')
    assert {stage: gate.requires_grad for stage, gate in model.cell_gates.items()} == {'1': False, '2': True}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'tcn': 'unit_tcn'}, "backbone.tcn must be 'conv' or 'mstcn', got 'unit_tcn'"),
        ({'groups': 3}, 'backbone.groups must divide backbone.base_channels 16, got 3'),
        ({'git_init': 'body'}, 'backbone.git_init must be one of .*skeleton.*, got .body.'),
        ({'git_temperature': 0}, 'backbone.git_temperature must be a positive number or None, got 0'),
        ({'git_init': 'grow', 'pyramid': True}, "pyramid=True .* use git_init='skeleton'"),
    ],
)
def test_an_invalid_option_raises(options, message):
    with pytest.raises(ValueError, match=message):
        lite((6, 6), (17, 25), **options)
