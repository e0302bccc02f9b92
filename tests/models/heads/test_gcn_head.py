import torch

from pyskl.models.heads.gcn_head import GCNHead


def test_the_classifier_is_a_linear_layer_named_fc_cls():
    head = GCNHead(num_classes=3, in_channels=2)
    assert {key: tuple(value.shape) for key, value in head.state_dict().items()} == {
        'fc_cls.weight': (3, 2),
        'fc_cls.bias': (3,),
    }
    head.fc_cls.weight.data.copy_(torch.tensor([[1.0, 0], [0, 1], [1, 1]]))
    x = torch.tensor([2.0, 3.0]).view(1, 1, 2, 1, 1).expand(1, 2, 2, 4, 5)  # (N, M, C, T, V), equal everywhere
    torch.testing.assert_close(head(x), torch.tensor([[2.0, 3.0, 5.0]]))


def test_initial_weights_have_deviation_init_std_and_zero_bias():
    torch.manual_seed(0)
    head = GCNHead(num_classes=100, in_channels=100, init_std=0.5)
    assert abs(head.fc_cls.weight.std().item() - 0.5) < 0.01
    assert not head.fc_cls.bias.any()
