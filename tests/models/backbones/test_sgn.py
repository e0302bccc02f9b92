import pytest
import torch

from pyskl.models.backbones.sgn import SGN, MaxOfParts


def network():
    torch.manual_seed(0)
    model = SGN(base_channels=4, num_joints=3, T=6).eval()
    for gcn in (model.gcn1, model.gcn2, model.gcn3):
        torch.nn.init.normal_(gcn.conv.weight)
    return model


@torch.no_grad()
def test_motion_treats_the_frame_after_the_last_as_zero():
    model, seen = network(), []
    model.motion_bn.register_forward_hook(lambda _, args, out: seen.append(args[0]))
    walk = torch.arange(1.0, 7.0).view(1, 1, 6, 1, 1).expand(-1, -1, -1, 3, 3)
    model(walk)
    assert seen[0][:, 0].tolist() == [1, 1, 1, 1, 1, -6]


@torch.no_grad()
def test_persons_can_be_swapped_and_their_number_is_free():
    model, x = network(), torch.randn(2, 4, 6, 3, 3)
    y = model(x)
    assert y.shape == (2, 4, 32, 20, 1)
    assert torch.allclose(model(x.flip(1)), y.flip(1), atol=1e-6)


@torch.no_grad()
def test_joints_and_frames_are_encoded_by_their_index():
    model, x = network(), torch.randn(1, 1, 6, 3, 3)
    for embed in (model.joint_embed, model.motion_embed):  # only the index codes remain
        torch.nn.init.zeros_(embed[1].conv.weight)
    still = model(x)
    torch.nn.init.zeros_(model.t_embed[1].conv.weight)
    assert not torch.allclose(model(x), still)


@torch.no_grad()
def test_rows_of_the_learned_graph_sum_to_one():
    model, graphs = network(), []
    model.gcn1.register_forward_hook(lambda _, args, out: graphs.append(args[1]))
    model(torch.randn(2, 1, 6, 3, 3))
    assert graphs[0].shape == (2, 6, 3, 3)
    assert torch.allclose(graphs[0].sum(-1), torch.ones(1))


def test_without_bias_only_norms_and_the_tcn_have_biases():
    keys = [key for key, _ in SGN(base_channels=4, bias=False).named_parameters() if key.endswith('bias')]
    assert all('bn' in key or key.startswith('tcn') for key in keys)


def test_invalid_inputs_and_options_raise():
    for shape in ((1, 1, 7, 3, 3), (1, 1, 6, 4, 3), (1, 1, 6, 3, 2)):
        with pytest.raises(ValueError, match='backbone.T is 6, backbone.num_joints 3 and backbone.in_channels 3'):
            network()(torch.zeros(shape))
    with pytest.raises(ValueError, match='backbone.T must be a positive integer, got 0'):
        SGN(T=0)


@pytest.mark.parametrize('frames', [6, 20, 45])
def test_exported_pooling_equals_adaptive_pooling(frames):
    pool, x = MaxOfParts(20), torch.randn(2, 3, frames, 4)
    exported = torch.export.export(pool, (x,))
    assert not any('adaptive' in str(node.target) for node in exported.graph.nodes)
    assert torch.equal(exported.module()(x), torch.nn.functional.adaptive_max_pool2d(x, (20, 1)))
    assert torch.equal(pool(x), exported.module()(x))
