import pytest
import torch

from pyskl.models.backbones.stgcn import STGCN

GRAPH = {'layout': {'joints': 3, 'edges': [(1, 0), (2, 1)]}, 'mode': 'spatial'}
SMALL = {'base_channels': 8, 'num_stages': 3, 'inflate_stages': [3], 'down_stages': [3]}


def network(**options):
    torch.manual_seed(0)
    return STGCN(GRAPH, **{**SMALL, **options})


def widths(model):
    return [block.gcn.bn.num_features for block in model.gcn]


def test_channels_double_at_inflate_stages_and_frames_halve_at_down_stages():
    model = STGCN({'layout': 'coco'})
    assert widths(model) == [64] * 4 + [128] * 3 + [256] * 3
    assert [block.tcn.conv.stride[0] for block in model.gcn] == [1] * 4 + [2, 1, 1] + [2, 1, 1]


def test_ch_ratio_may_be_fractional():
    assert widths(network(ch_ratio=1.5)) == [8, 8, 12]


def test_the_first_stage_is_left_out_if_in_channels_equals_base_channels():
    model = network(in_channels=8)
    assert widths(model) == [8, 16]
    assert model(torch.randn(2, 1, 8, 3, 8)).shape == (2, 1, 16, 4, 3)


def test_the_gesture_network_has_the_published_number_of_keys():
    model = STGCN(
        {'layout': 'handmp', 'mode': 'spatial'}, in_channels=2, num_stages=6, down_stages=[6], inflate_stages=[6],
        gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn',
    )  # fmt: skip
    assert len(model.state_dict()) == 418 - 2  # the head has two
    assert model(torch.randn(1, 1, 8, 21, 2)).shape == (1, 1, 128, 4, 21)


def test_every_stage_but_the_first_has_dropout():
    assert [block.tcn.drop.p for block in network(tcn_dropout=0.5).gcn] == [0, 0.5, 0.5]


def test_a_tuple_holds_one_value_per_stage_and_a_list_does_not():
    model = network(gcn_adaptive=('init', None, 'offset'), gcn_with_res=(True, False, True))
    assert [block.gcn.adaptive for block in model.gcn] == ['init', None, 'offset']
    assert [block.gcn.with_res for block in model.gcn] == [True, False, True]
    branches = network(tcn_type='mstcn', tcn_ms_cfg=[(3, 1), ('max', 3), '1x1'], base_channels=9).gcn
    assert [len(block.tcn.branches) for block in branches] == [3, 3, 3]


@pytest.mark.parametrize('kind', ['VC', 'MVC', None])
def test_data_bn_type_names_the_axes_with_statistics_of_their_own(kind):
    model = network(data_bn_type=kind)
    x = torch.randn(4, 2, 6, 3, 3) * 3 + torch.tensor([0.0, 7.0]).view(1, 2, 1, 1, 1)
    y = model.normalize(x)
    # Persons around 0 and 7: normalised together, only their common mean is 0; normalised separately, both means are 0.
    if kind == 'VC':
        assert y.mean((0, 1, 2)).abs().max() < 1e-5
        assert y.mean((0, 2))[0].max() < 0
    elif kind == 'MVC':
        assert y.mean((0, 2)).abs().max() < 1e-5
        assert (y.std((0, 2)) - 1).abs().max() < 0.1
    else:
        assert torch.equal(x, y)


@pytest.mark.parametrize('kind', ['VC', 'MVC', None])
def test_absent_persons_are_computed_once_with_equal_output(kind):
    model = network(data_bn_type=kind).eval()
    x = torch.randn(4, 2, 8, 3, 3)
    x[:3, 1] = 0
    rows = []
    model.gcn[0].gcn.conv.register_forward_hook(lambda _, args, out: rows.append(len(args[0])))
    with torch.no_grad():
        short, full = model(x), model.encode_persons(model.normalize(x).flatten(0, 1)).unflatten(0, (4, 2))
    assert rows == [6, 8]
    assert torch.allclose(short, full, atol=1e-6)


def test_with_mvc_absent_persons_differ_between_places():
    model = network(data_bn_type='MVC')
    model(torch.randn(4, 2, 8, 3, 3) + torch.tensor([0.0, 7.0]).view(1, 2, 1, 1, 1))
    with torch.no_grad():
        y = model.eval()(torch.zeros(2, 2, 8, 3, 3))
    assert torch.allclose(y[0], y[1])
    assert not torch.allclose(y[:, 0], y[:, 1], atol=1e-3)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'tcn_type': 'dgmstcn'}, r"unknown backbone.tcn_type 'dgmstcn'; choose from \['mstcn', 'unit_tcn'\]"),
        ({'gcn_type': 'unit_aagcn'}, "unknown backbone.gcn_type 'unit_aagcn'"),
        ({'gcn_adaptive': 'inti'}, "unknown backbone.gcn_adaptive 'inti'; choose from"),
        ({'gcn_conv_pos': 'mid'}, "backbone.gcn_conv_pos must be 'pre' or 'post', got 'mid'"),
        ({'gcn_norm': 'GN'}, "unknown backbone.gcn_norm 'GN'; choose from"),
        ({'gcn_act': 'Relu'}, "unknown backbone.gcn_act 'Relu'; choose from"),
        ({'data_bn_type': 'CV'}, "backbone.data_bn_type must be 'VC', 'MVC' or None, got 'CV'"),
        ({'tcn_mid_channels': 0.5}, "tcn_mid_channels is an argument of tcn_type='mstcn', but tcn_type is 'unit_tcn'"),
        ({'tcn_type': 'mstcn', 'tcn_dilation': 2}, "tcn_dilation is an argument of tcn_type='unit_tcn'"),
        ({'tcn_type': 'mstcn', 'tcn_ms_cfg': ['3x1']}, "tcn_ms_cfg holds .* got '3x1'"),
        ({'tcn_type': 'mstcn', 'base_channels': 4}, 'tcn_ms_cfg has 6 branches, too many for 4 channels'),
    ],
)
def test_an_invalid_option_raises(options, message):
    with pytest.raises(ValueError, match=message):
        network(**options)


def test_an_input_with_more_persons_than_num_person_raises():
    with pytest.raises(ValueError, match='keypoint holds M=3 persons, backbone.num_person is 2'):
        network(data_bn_type='MVC')(torch.zeros(1, 3, 8, 3, 3))
