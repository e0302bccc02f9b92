import pytest
import torch

from pyskl.models.layers.temporal_conv import MultiScaleTCN, UnitTCN


@pytest.mark.parametrize('frames', [7, 8])
@pytest.mark.parametrize('unit', [UnitTCN(6, 6, 3, stride=2, dilation=4), MultiScaleTCN(6, 6, stride=2)])
def test_a_stride_of_two_halves_the_frames_rounding_up(unit, frames):
    assert unit(torch.randn(2, 6, frames, 3)).shape == (2, 6, (frames + 1) // 2, 3)


@pytest.mark.parametrize(('width', 'expected'), [(64, [14] + [10] * 5), (128, [23] + [21] * 5), (256, [46] + [42] * 5)])
def test_the_first_branch_takes_the_remaining_channels(width, expected):
    assert [getattr(b, 'out_channels', None) or b[0].out_channels for b in MultiScaleTCN(8, width).branches] == expected


def test_mid_channels_sets_the_width_of_branches():
    model = MultiScaleTCN(8, 16, mid_channels=0.25)
    assert model.transform[0].num_features == 6 * 4
    assert model(torch.randn(2, 8, 5, 3)).shape == (2, 16, 5, 3)


def test_branches_have_no_norm_after_the_temporal_part():
    keys = {key for key in MultiScaleTCN(8, 12).state_dict() if key.startswith(('branches.0.3', 'branches.4.3'))}
    assert keys == {'branches.0.3.conv.weight', 'branches.0.3.conv.bias'}


def test_joints_are_not_mixed():
    model, x = MultiScaleTCN(6, 6).eval(), torch.randn(1, 6, 8, 3)
    other = x.clone()
    other[..., 1] = 0
    with torch.no_grad():
        changed = (model(x) != model(other)).flatten(0, 2).any(0)
    assert changed.tolist() == [False, True, False]
