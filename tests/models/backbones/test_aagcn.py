import pytest
import torch

from pyskl.models.backbones.aagcn import AAGCN, AdaptiveGCN

GRAPH = {'layout': {'joints': 3, 'edges': [(1, 0), (2, 1)]}, 'mode': 'spatial'}
SMALL = {'base_channels': 8, 'num_stages': 3, 'inflate_stages': [3], 'down_stages': [3]}


def network(**options):
    torch.manual_seed(0)
    return AAGCN(GRAPH, **{**SMALL, **options})


def test_a_tuple_holds_one_value_per_stage_and_the_first_stage_has_no_dropout():
    model = network(gcn_attention=(True, False, True), tcn_dropout=0.5, tcn_type=('unit_tcn', 'mstcn', 'unit_tcn'))
    assert [block.gcn.attention for block in model.gcn] == [True, False, True]
    assert [block.tcn.drop.p for block in model.gcn] == [0, 0.5, 0.5]
    assert [hasattr(block.tcn, 'branches') for block in model.gcn] == [False, True, False]


def test_gates_equal_the_papers_three_gates_applied_in_turn():
    unit = AdaptiveGCN(4, 4, torch.rand(3, 5, 5))
    for p in unit.parameters():
        torch.nn.init.normal_(p)
    y = torch.randn(2, 4, 6, 5)
    place, channel = unit.gates(y)
    joints = y + y * unit.conv_sa(y.mean(2)).sigmoid()[:, :, None]
    frames = joints + joints * unit.conv_ta(joints.mean(3)).sigmoid()[..., None]
    gate = unit.fc2c(unit.fc1c(frames.mean((2, 3))).relu()).sigmoid()
    assert torch.allclose(y * place * channel, frames + frames * gate[..., None, None], atol=1e-5)


def test_alpha_adds_a_graph_per_sample_to_the_learned_graph():
    unit, x = AdaptiveGCN(4, 8, torch.rand(3, 5, 5)), torch.randn(2, 4, 6, 5)
    assert torch.equal(unit.graph(x), unit.A.expand(2, -1, -1, -1))
    torch.nn.init.ones_(unit.alpha)
    difference = unit.graph(x) - unit.A
    assert difference.abs().max() < 1  # a tanh
    assert not torch.allclose(difference[0], difference[1])


def test_each_subset_gathers_joints_and_then_convolves():
    unit, x = AdaptiveGCN(4, 4, torch.rand(3, 5, 5), adaptive=False, attention=False).eval(), torch.randn(2, 4, 6, 5)
    torch.nn.init.ones_(unit.bn.weight)
    total = sum(conv(x @ graph) for conv, graph in zip(unit.conv_d, unit.A, strict=True))
    assert torch.allclose(unit(x), (unit.bn(total) + x).relu(), atol=1e-5)


def test_a_fixed_graph_is_a_buffer():
    model = network(gcn_adaptive=False)
    assert not [key for key, _ in model.named_parameters() if key.endswith(('.A', '.alpha')) or 'conv_a' in key]
    assert 'gcn.0.gcn.A' in dict(model.named_buffers())


def test_each_gate_of_an_untrained_network_multiplies_by_1_5():
    gcn = network().gcn[0].gcn
    torch.nn.init.zeros_(gcn.conv_sa.weight)
    place, channel = gcn.gates(torch.randn(2, 8, 6, 3))
    assert torch.allclose(place * channel, torch.tensor(1.5**3))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'gcn_type': 'unit_gcn'}, "unknown backbone.gcn_type 'unit_gcn'; choose 'unit_aagcn'"),
        ({'tcn_type': 'dgmstcn'}, r"unknown backbone.tcn_type 'dgmstcn'; choose from \['mstcn', 'unit_tcn'\]"),
        ({'tcn_mid_channels': 0.5}, "tcn_mid_channels is an argument of tcn_type='mstcn', but tcn_type is 'unit_tcn'"),
        ({'tcn_type': 'mstcn', 'tcn_dilation': 2}, "tcn_dilation is an argument of tcn_type='unit_tcn'"),
        ({'gcn_coff_embedding': 9}, 'gcn_coff_embedding=9 leaves no channel of 8'),
        ({'data_bn_type': 'CV'}, "backbone.data_bn_type must be 'VC', 'MVC' or None, got 'CV'"),
    ],
)
def test_an_invalid_option_raises(options, message):
    with pytest.raises(ValueError, match=message):
        network(**options)


@pytest.mark.parametrize('kind', ['VC', 'MVC', None])
@torch.no_grad()
def test_absent_persons_are_computed_once_with_equal_output(kind):
    model = network(data_bn_type=kind).eval()
    x = torch.randn(4, 2, 8, 3, 3)
    x[:3, 1] = 0
    rows = []
    model.gcn[0].register_forward_hook(lambda _, args, out: rows.append(len(args[0])))
    y = model(x)
    assert rows == [6]
    assert torch.allclose(y, model.encode_persons(model.normalize(x).flatten(0, 1)).unflatten(0, (4, 2)), atol=1e-6)
