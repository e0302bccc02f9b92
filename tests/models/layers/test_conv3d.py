import math

import pytest
import torch
from torch import nn

from pyskl.models.layers.conv3d import ConvNorm3d, check_volume, hold, init_convolutions, per_stage


def test_children_have_mmcvs_names_and_the_size_is_preserved():
    conv = ConvNorm3d(2, 4, (1, 3, 3))
    assert set(conv.state_dict()) == {
        'conv.weight', 'bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var', 'bn.num_batches_tracked',
    }  # fmt: skip
    assert conv(torch.randn(1, 2, 3, 6, 6)).shape == (1, 4, 3, 6, 6)
    assert set(ConvNorm3d(2, 4, 1, norm=False).state_dict()) == {'conv.weight'}


def test_the_given_norms_start_with_zero_weight():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv3d(8, 16, 3), nn.BatchNorm3d(16))
    init_convolutions(net, [net[1]])
    assert math.isclose(net[0].weight.std().item(), math.sqrt(2 / (16 * 27)), rel_tol=0.05)
    assert not net[0].bias.any() and not net[1].weight.any()


def test_held_modules_are_in_eval_mode_without_gradients():
    net = nn.Sequential(ConvNorm3d(1, 2, 1), ConvNorm3d(2, 2, 1)).train()
    hold([net[0]], norms_of=net)
    assert not net[0].training and not any(p.requires_grad for p in net[0].parameters())
    assert net[1].training and not net[1].bn.training
    assert all(p.requires_grad for p in net[1].parameters())


def test_one_number_serves_every_stage_and_a_list_needs_one_item_per_stage():
    assert per_stage(2, 3, 'spatial_strides') == (2, 2, 2)
    assert per_stage([1, 2], 2, 'spatial_strides') == (1, 2)
    with pytest.raises(ValueError, match='backbone.spatial_strides must have one item .*num_stages=3'):
        per_stage([1, 2], 3, 'spatial_strides')


@pytest.mark.parametrize('shape', [(1, 3, 4, 5, 5), (17, 4, 5, 5)])
def test_a_volume_with_other_channels_or_axes_raises(shape):
    with pytest.raises(ValueError, match='backbone.in_channels is C=17'):
        check_volume(torch.zeros(shape), 17)
