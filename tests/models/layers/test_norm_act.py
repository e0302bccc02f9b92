import pytest
from torch import nn

from pyskl.models.layers.norm_act import build_activation, build_norm


def test_layers_are_built_from_names_dicts_and_none():
    assert isinstance(build_norm('BN', 4), nn.BatchNorm2d)
    assert build_norm({'type': 'BN', 'eps': 1e-3}, 4).eps == 1e-3
    assert isinstance(build_norm(None, 4), nn.Identity)
    assert build_activation({'type': 'LeakyReLU', 'negative_slope': 0.2}).negative_slope == 0.2
    assert isinstance(build_activation(None), nn.Identity)


def test_requires_grad_false_freezes_a_norm():
    assert not any(p.requires_grad for p in build_norm({'type': 'BN', 'requires_grad': False}, 4).parameters())


def test_an_unknown_name_raises_with_the_known_names():
    with pytest.raises(ValueError, match="unknown tcn_norm 'LN'; choose from"):
        build_norm('LN', 4, 'tcn_norm')
    with pytest.raises(ValueError, match="unknown act 'ReLu'; choose from"):
        build_activation('ReLu')
