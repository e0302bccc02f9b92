import pytest
import torch

from pyskl.models.heads.i3d_head import I3DHead


def head(channels):
    torch.manual_seed(0)
    return I3DHead(3, channels).eval()


def test_maps_are_averaged_and_several_maps_are_concatenated():
    x = torch.rand(2, 4, 3, 5, 5)
    assert torch.allclose(head(4).pool(x), x.flatten(2).mean(2), atol=1e-6)
    small = torch.rand(2, 6, 3, 2, 2)  # of another size
    assert torch.allclose(head(10).pool((x, small)), torch.cat([x.flatten(2).mean(2), small.flatten(2).mean(2)], 1))


def test_features_pass_unchanged_and_lists_are_averaged_per_sample():
    features = torch.rand(2, 4)
    assert torch.equal(head(4).pool(features), features)
    items = [torch.rand(3, 4), torch.rand(5, 4)]
    assert torch.allclose(head(4).pool(items), torch.stack([items[0].mean(0), items[1].mean(0)]))
    assert head(4)(items).shape == (2, 3)


def test_initial_weights_have_deviation_0_01_and_dropout_is_0_5():
    assert head(2000).fc_cls.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert not head(4).fc_cls.bias.any()
    assert head(4).dropout.p == 0.5


def test_half_precision_is_averaged_in_float32():
    x = torch.full((1, 4, 48, 7, 7), 1.01).bfloat16()
    pooled = head(4).pool(x)
    assert pooled.dtype == torch.float32
    assert torch.allclose(pooled, x.float().mean((2, 3, 4)), atol=1e-6)


def test_an_invalid_input_raises():
    with pytest.raises(ValueError, match='in_channels is 4, the backbone gives 5 channels'):
        head(4)(torch.rand(2, 5, 3, 2, 2))
    with pytest.raises(ValueError, match=r'takes maps \(B, C, T, H, W\) or features \(B, C\), got \(2, 4, 3\)'):
        head(4)(torch.rand(2, 4, 3))
    with pytest.raises(ValueError, match=r'must hold features \(n, C\), got \[\(2, 4, 1\)\]'):
        head(4)([torch.rand(2, 4, 1)])
