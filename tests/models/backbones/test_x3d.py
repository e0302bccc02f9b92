import pytest
import torch
from torch import nn

from pyskl.models.backbones.x3d import X3D, SqueezeExcite, round_width

TINY = {'in_channels': 2, 'base_channels': 8, 'num_stages': 2, 'stage_blocks': [1, 2], 'spatial_strides': [2, 2]}


def tiny(**options):
    torch.manual_seed(0)
    return X3D(**{**TINY, **options})


def test_widths_are_rounded_to_multiples_of_eight_and_lose_at_most_a_tenth():
    assert [round_width(24, f) for f in (1, 2, 0, None)] == [24, 48, 24, 24]
    assert round_width(54, 1 / 16) == 8
    assert round_width(12, 1) == 16  # 8 + 4 rounds up
    assert round_width(24, 0.8) == 24  # 19.2 would become 16, less than nine tenths of it


@torch.no_grad()
def test_strides_halve_space_and_keep_frames():
    assert tiny()(torch.rand(1, 2, 5, 32, 32)).shape == (1, 36, 5, 4, 4)
    assert [len(stage) for stage in tiny().stages] == [3, 5]  # ceil of 2.2 times 1 and 2
    assert [len(stage) for stage in tiny(gamma_d=1).stages] == [1, 2]
    assert tiny(gamma_w=2)(torch.rand(1, 2, 5, 32, 32)).shape == (1, 72, 5, 4, 4)


def test_every_other_block_has_squeeze_and_excitation_by_default():
    def squeezes(**options):
        return [[isinstance(block.se_module, SqueezeExcite) for block in stage] for stage in tiny(**options).stages]

    assert squeezes() == [[True, False, True], [True, False, True, False, True]]
    assert squeezes(se_style='all') == [[True] * 3, [True] * 5]
    assert squeezes(se_ratio=None) == [[False] * 3, [False] * 5]


def test_children_are_in_the_order_of_the_checkpoints():
    names = [name for name, _ in tiny().layer1[0].named_children() if name != 'relu']
    assert names == ['downsample', 'conv1', 'conv2', 'swish', 'conv3', 'se_module']


@torch.no_grad()
def test_a_new_block_is_the_identity():
    x = torch.rand(1, 8, 4, 6, 6)
    assert torch.equal(tiny().eval().layer1[1](x), x)
    assert not torch.equal(tiny(zero_init_residual=False).eval().layer1[1](x), x)


@torch.no_grad()
def test_squeeze_and_excitation_multiplies_whole_channels():
    x = torch.rand(2, 8, 3, 4, 5)
    ratio = SqueezeExcite(8, 1 / 16)(x) / x
    assert torch.allclose(ratio, ratio[:, :, :1, :1, :1].expand_as(ratio), atol=1e-5)
    assert ((ratio > 0) & (ratio < 1)).all()


def test_frozen_stages_and_norm_eval_keep_statistics_fixed_in_training():
    net = tiny(frozen_stages=1)
    assert net.train() is net
    frozen = {key.split('.')[0] for key, p in net.named_parameters() if not p.requires_grad}
    assert frozen == {'conv1_s', 'conv1_t', 'layer1'}
    assert not net.layer1.training
    assert net.layer2.training
    assert not any(m.training for m in tiny(norm_eval=True).modules() if isinstance(m, nn.BatchNorm3d))


def test_invalid_options_and_inputs_raise():
    for options, message in (
        ({'num_stages': 0}, 'num_stages must be 1 to 4, got 0'),
        ({'se_style': 'none'}, "se_style must be 'half' or 'all', got 'none'"),
        ({'frozen_stages': 4}, 'frozen_stages must be -1 to num_stages=2, got 4'),
        ({'stage_blocks': [1]}, 'stage_blocks must have one item for each of num_stages=2'),
    ):
        with pytest.raises(ValueError, match=message):
            tiny(**options)
    with pytest.raises(ValueError, match='backbone.in_channels is C=2'):
        tiny()(torch.zeros(1, 3, 4, 8, 8))
