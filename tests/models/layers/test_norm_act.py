import pytest
from torch import nn

from pyskl.models.layers.norm_act import build_activation, build_norm


def test_names_dicts_and_nothing():
    assert isinstance(build_norm('BN', 4), nn.BatchNorm2d)
    assert build_norm({'type': 'BN', 'eps': 1e-3}, 4).eps == 1e-3
    assert isinstance(build_norm(None, 4), nn.Identity)
    assert build_activation({'type': 'LeakyReLU', 'negative_slope': 0.2}).negative_slope == 0.2
    assert isinstance(build_activation(None), nn.Identity)


def test_a_norm_may_be_frozen_as_mmcv_does():
    assert not any(p.requires_grad for p in build_norm({'type': 'BN', 'requires_grad': False}, 4).parameters())


def test_unknown_names_are_answered_with_the_known():
    with pytest.raises(ValueError, match="unknown tcn_norm 'LN'; choose from"):
        build_norm('LN', 4, 'tcn_norm')
    with pytest.raises(ValueError, match="unknown act 'ReLu'; choose from"):
        build_activation('ReLu')
