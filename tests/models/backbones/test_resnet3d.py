import math

import pytest
import torch
from torch import nn

from pyskl.models.backbones.resnet3d import ResNet3d, ResNet3dSlowOnly

TINY = {'base_channels': 4, 'in_channels': 2, 'num_stages': 2, 'out_indices': [1], 'stage_blocks': [2, 2]}
TINY |= {'spatial_strides': [1, 2], 'temporal_strides': [1, 1], 'inflate': [0, 1]}


def tiny(**options):
    torch.manual_seed(0)
    return ResNet3d(**{**TINY, **options})


def kernels(module):
    return [tuple(each.weight.shape[2:]) for each in module.modules() if isinstance(each, nn.Conv3d)]


def test_kernel_sizes_follow_inflate_and_inflate_style():
    assert kernels(tiny().layer1[0]) == [(1, 1, 1), (1, 3, 3), (1, 1, 1), (1, 1, 1)]
    assert kernels(tiny().layer2[0]) == [(3, 1, 1), (1, 3, 3), (1, 1, 1), (1, 1, 1)]
    assert kernels(tiny(inflate_style='3x3x3').layer2[1]) == [(1, 1, 1), (3, 3, 3), (1, 1, 1)]
    mixed = tiny(inflate=[[1, 0], 0])
    assert kernels(mixed.layer1)[0] == (3, 1, 1)
    assert [k[0] for k in kernels(mixed)].count(3) == 2  # that one, and the stem
    basic = tiny(depth=18, inflate_style='3x3x3')
    assert kernels(basic.layer1[0]) == [(1, 3, 3)] * 2
    assert kernels(basic.layer2[1]) == [(3, 3, 3)] * 2


def test_defaults_are_those_of_resnet50_and_of_slowonly():
    with torch.device('meta'):
        full, slow = ResNet3d(), ResNet3dSlowOnly()
    assert [len(stage) for stage in full.stages] == [3, 4, 6, 3]
    assert kernels(full)[0] == (3, 7, 7)
    assert kernels(slow)[0] == (1, 7, 7)
    assert [kernels(stage)[0][0] for stage in full.stages] == [3, 3, 3, 3]
    assert [kernels(stage)[0][0] for stage in slow.stages] == [1, 1, 3, 3]


def test_output_sizes_follow_the_strides():
    x = torch.rand(1, 2, 8, 32, 32)
    assert tiny()(x).shape == (1, 32, 8, 4, 4)  # stem, pool and layer2 halve
    assert tiny(temporal_strides=[1, 2])(x).shape == (1, 32, 4, 4, 4)
    assert tiny(conv1_stride=[2, 1], pool1_stride=[1, 1])(x).shape == (1, 32, 4, 16, 16)
    first, second = tiny(out_indices=[0, 1])(x)
    assert (first.shape, second.shape) == ((1, 16, 8, 8, 8), (1, 32, 8, 4, 4))


def test_advanced_residuals_average_all_pixels_before_the_convolution():
    net = tiny(advanced=True)
    assert 'layer2.0.downsample.0.conv.weight' in net.state_dict()
    assert net(torch.rand(1, 2, 4, 30, 30)).shape == (1, 32, 4, 4, 4)
    residual = net.eval().layer2[0].downsample
    x = torch.rand(1, 16, 4, 6, 6)
    swapped = x.clone()
    swapped[..., 0], swapped[..., 1] = x[..., 1], x[..., 0]
    assert torch.allclose(residual(x), residual(swapped), atol=1e-6)


@torch.no_grad()
def test_a_new_block_is_the_identity_and_convolutions_are_scaled_by_fan_out():
    net = tiny(base_channels=32).eval()
    x = torch.rand(1, 128, 4, 6, 6)
    assert torch.equal(net.layer1[1](x), x)
    weight = net.layer2[1].conv2.conv.weight  # (64, 64, 1, 3, 3)
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.03)
    assert not torch.equal(tiny(zero_init_residual=False).eval().layer1[1](x[:, :16]), x[:, :16])


def test_frozen_stages_and_norm_eval_keep_statistics_fixed_in_training():
    net = tiny(frozen_stages=1)
    assert net.train() is net
    assert net.eval() is net
    net.train()
    frozen = {key.split('.')[0] for key, p in net.named_parameters() if not p.requires_grad}
    assert frozen == {'conv1', 'layer1'}
    before = net.layer1[0].conv1.bn.running_mean.clone(), net.layer2[0].conv1.bn.running_mean.clone()
    net(torch.rand(2, 2, 4, 16, 16))
    assert torch.equal(net.layer1[0].conv1.bn.running_mean, before[0])
    assert not torch.equal(net.layer2[0].conv1.bn.running_mean, before[1])
    assert not any(m.training for m in tiny(norm_eval=True).modules() if isinstance(m, nn.BatchNorm3d))


def test_2d_weights_are_spread_over_time():
    net = tiny(conv1_kernel=(1, 7, 7))
    weights = {
        'conv1.weight': torch.randn(4, 3, 7, 7),
        'bn1.running_mean': torch.randn(4),
        'layer2.1.conv1.weight': torch.randn(8, 32, 1, 1),
        'layer2.1.bn3.weight': torch.randn(32),
        'layer2.0.downsample.0.weight': torch.randn(32, 16, 1, 1),
        'layer2.0.downsample.1.bias': torch.randn(32),
        'fc.weight': torch.randn(10, 32),
    }
    with pytest.warns(UserWarning, match=r'conv1.conv.weight \(4, 2, 1, 7, 7\) from \(4, 3, 7, 7\)'):
        state = net.inflate_2d(weights)
    assert set(state) == {
        'conv1.bn.running_mean', 'layer2.1.conv1.conv.weight', 'layer2.1.conv3.bn.weight',
        'layer2.0.downsample.conv.weight', 'layer2.0.downsample.bn.bias',
    }  # fmt: skip
    spread = state['layer2.1.conv1.conv.weight']
    assert spread.shape == (8, 32, 3, 1, 1)
    assert torch.allclose(spread.sum(2), weights['layer2.1.conv1.weight'], atol=1e-6)
    assert not net.load_state_dict(state, strict=False).unexpected_keys


def test_invalid_options_and_inputs_raise():
    for options, message in (
        ({'depth': 20}, r'depth must be one of \[18, 34, 50, 101, 152\], got 20'),
        ({'depth': 18}, "inflate_style must be '3x3x3' for depths 18 and 34, got '3x1x1'"),
        ({'out_indices': [2]}, 'out_indices must be below num_stages=2'),
        ({'num_stages': 5}, 'num_stages must be 1 to 4, got 5'),
        ({'stage_blocks': [2]}, 'stage_blocks must have one item for each of num_stages=2'),
        ({'inflate': [[1], 0]}, 'inflate of a stage must be 0, 1 or one of them for each of 2 blocks'),
        ({'inflate_style': '1x3x3'}, "inflate_style must be '3x1x1' or '3x3x3', got '1x3x3'"),
        ({'frozen_stages': 3}, 'frozen_stages must be -1 to num_stages=2, got 3'),
        ({'depth': 18, 'inflate_style': '3x3x3', 'temporal_strides': [2, 1]}, 'must also stride in space or widen'),
    ):
        with pytest.raises(ValueError, match=message):
            tiny(**options)
    with pytest.raises(ValueError, match=r'imgs hold \(1, 3, 4, 8, 8\), .*backbone.in_channels is C=2'):
        tiny()(torch.zeros(1, 3, 4, 8, 8))
