import pytest
import torch

from pyskl.models.layers.gcn_backbone import GCNBackbone


class Unchanged(GCNBackbone):
    def encode(self, x):
        return x


def built(data_bn_type, num_person=2):
    return Unchanged(num_joints=5, in_channels=3, num_person=num_person, data_bn_type=data_bn_type)


def test_without_a_norm_only_the_axes_are_permuted():
    x = torch.randn(2, 2, 4, 5, 3)
    torch.testing.assert_close(built(None)(x), x.permute(0, 1, 4, 2, 3))


def test_vc_normalises_each_joint_and_channel_over_all_persons():
    y = built('VC')(3 + 2 * torch.randn(8, 2, 50, 5, 3))  # (N, M, C, T, V)
    torch.testing.assert_close(y.mean((0, 1, 3)), torch.zeros(3, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var((0, 1, 3), correction=0), torch.ones(3, 5), atol=1e-4, rtol=0)


def test_mvc_centres_each_person_separately():
    x = torch.randn(8, 2, 50, 5, 3)
    x[:, 1] += 10
    torch.testing.assert_close(built('MVC')(x).mean((0, 3)), torch.zeros(2, 3, 5), atol=1e-5, rtol=0)
    assert built('VC')(x).mean((0, 3))[1].min() > 0.5


@pytest.mark.parametrize(
    ('shape', 'message'),
    [((1, 2, 4, 6, 3), 'V=5'), ((1, 2, 4, 5, 2), 'C=3'), ((1, 3, 4, 5, 3), 'M=3'), ((2, 4, 5, 3), 'V=5')],
)
def test_an_input_of_another_shape_raises(shape, message):
    with pytest.raises(ValueError, match=message):
        built('MVC')(torch.zeros(shape))


def test_an_unknown_data_bn_type_raises():
    with pytest.raises(ValueError, match="data_bn_type must be .* got 'CV'"):
        built('CV')
