import pytest
import torch
from torch import nn

from pyskl.models.backbones.c3d import C3D


@torch.no_grad()
def test_pools_halve_space_and_frames_only_with_temporal_downsample():
    x = torch.rand(1, 2, 8, 16, 16)
    assert C3D(2, 4).eval()(x).shape == (1, 32, 1, 1, 1)
    assert C3D(2, 4, num_stages=3)(x).shape == (1, 32, 2, 2, 2)
    assert C3D(2, 4, num_stages=3, temporal_downsample=False)(x).shape == (1, 32, 8, 2, 2)


def test_four_stages_have_eight_convolutions_and_three_have_six():
    for stages, count in ((4, 8), (3, 6)):
        net = C3D(2, 4, stages)
        assert [m.kernel_size for m in net.modules() if isinstance(m, nn.Conv3d)] == [(3, 3, 3)] * count


@torch.no_grad()
def test_the_temporal_receptive_field_is_six_frames_to_each_side():
    net, x = C3D(2, 4, 3, temporal_downsample=False).eval(), torch.rand(1, 2, 20, 8, 8)
    changed = x.clone()
    changed[:, :, 0] += 1
    affected = (net(x) - net(changed)).abs().amax((0, 1, 3, 4)) > 1e-9
    assert affected[1:7].any()
    assert not affected[7:].any()


def test_invalid_options_and_inputs_raise():
    with pytest.raises(ValueError, match='num_stages of C3D must be 3 or 4, got 5'):
        C3D(num_stages=5)
    with pytest.raises(ValueError, match='backbone.in_channels is C=2'):
        C3D(2, 4)(torch.zeros(1, 3, 4, 8, 8))
