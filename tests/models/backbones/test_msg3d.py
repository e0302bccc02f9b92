import pytest
import torch

from pyskl.models.backbones.msg3d import G3D, MSG3D, MSGCN, UnfoldTime, distances, window_links

CHAIN = torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])  # 0 - 1 - 2
GRAPH = {'layout': {'joints': 3, 'edges': [(1, 0), (2, 1)]}, 'mode': 'binary_adj'}


def test_each_distance_is_a_normalised_subset_with_self_links():
    subsets = distances(CHAIN, 4)
    assert torch.equal(subsets[0], torch.eye(3))
    assert torch.allclose(subsets[1], torch.tensor([[1 / 2, 1 / 3, 0], [1 / 2, 1 / 3, 1 / 2], [0, 1 / 3, 1 / 2]]))
    assert torch.equal(subsets[2], torch.tensor([[0.5, 0, 0.5], [0, 1, 0], [0.5, 0, 0.5]]))
    assert torch.equal(subsets[3], torch.eye(3))  # nothing is three links away


def test_neighbours_are_linked_in_every_frame_of_a_window():
    links = window_links(CHAIN, 2)
    assert links.shape == (6, 6)
    assert links[0].tolist() == [1, 1, 0, 1, 1, 0]


def test_windows_equal_those_of_torch_unfold():
    x = torch.randn(2, 4, 7, 3)
    torchs = torch.nn.Unfold((3, 1), padding=(1, 0), stride=(2, 1))(x).view(2, 4, 3, 4, 3)  # B, C, W, T', V
    assert torch.equal(UnfoldTime(3, 2)(x), torchs.transpose(2, 3).flatten(3))


def test_the_batched_distances_equal_one_product_per_graph():
    unit, x = MSGCN(4, 8, torch.rand(2, 3, 3)), torch.randn(2, 4, 5, 3)
    each = torch.cat([x @ graph for graph in unit.A + unit.PA], dim=1)
    assert torch.allclose(unit.scatter(x), each, atol=1e-6)


def test_out_conv_turns_each_window_into_one_frame():
    block, x = G3D(4, 6, 8, torch.rand(2, 9, 9), size=3, stride=2).eval(), torch.randn(2, 4, 7, 3)
    volume = block.gcn3d(x).unflatten(3, (3, 3))  # B, C, T', W, V
    assert torch.allclose(block(x), block.out_bn(block.out_conv(volume)[:, :, :, 0]), atol=1e-5)


def test_pretrained_is_an_attribute_for_the_engine():
    assert MSG3D(GRAPH, base_channels=6, pretrained='msg3d.pth').pretrained == 'msg3d.pth'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_gcn_scales': 0}, 'backbone.num_gcn_scales must be a positive integer, got 0'),
        ({'graph_cfg': {'layout': 'coco'}}, "MSG3D needs graph_cfg.mode='binary_adj', got None"),
        ({'base_channels': 4}, 'two more branches are too many for 4 channels'),
    ],
)
def test_an_invalid_option_raises(options, message):
    with pytest.raises(ValueError, match=message):
        MSG3D(**{'graph_cfg': GRAPH, **options})
