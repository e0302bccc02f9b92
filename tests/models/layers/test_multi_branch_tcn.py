import pytest
import torch

from pyskl.models.layers.multi_branch_tcn import MultiBranchTCN


def test_the_last_branch_takes_the_channels_left_over_by_an_equal_split():
    tcn = MultiBranchTCN(8, 20)
    assert tcn.widths == [3, 3, 3, 3, 3, 5]
    assert tcn.eval()(torch.randn(2, 8, 7, 5)).shape == (2, 20, 7, 5)


@pytest.mark.parametrize(('frames', 'out'), [(7, 4), (8, 4)])
def test_a_stride_halves_the_frames_rounding_up(frames, out):
    assert MultiBranchTCN(6, 12, stride=2).eval()(torch.randn(1, 6, frames, 3)).shape == (1, 12, out, 3)


def test_fused_branches_equal_separate_branches():
    torch.manual_seed(0)
    tcn = MultiBranchTCN(6, 12, dilations=(1, 2), residual=False, act=False).eval()
    for module in tcn.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 6, 9, 4)
    alone = torch.cat([branch(x) for branch in tcn.branches], dim=1)
    torch.testing.assert_close(tcn(x), alone)


def test_the_receptive_field_is_that_of_the_largest_dilation():
    tcn = MultiBranchTCN(6, 6, kernel_size=3, dilations=(1, 4), residual=False).eval()
    x = torch.zeros(1, 6, 21, 1, requires_grad=True)
    tcn(x + torch.randn(1, 6, 21, 1))[0, :, 10].sum().backward()
    reached = x.grad.abs().sum((0, 1, 3)).nonzero().flatten().tolist()
    assert set(reached) <= {6, 9, 10, 11, 14} and 10 in reached


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [({'kernel_size': [3, 5]}, 'differ in length'), ({'out_channels': 5}, 'too many for 5 channels')],
)
def test_an_invalid_option_raises(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiBranchTCN(**{'in_channels': 8, 'out_channels': 16, **arguments})
