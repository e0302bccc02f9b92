import torch

from pyskl.models.heads.gcn_head import GCNHead
from pyskl.models.heads.grid_head import GridHead
from pyskl.registry import MODELS


def test_the_classifier_is_the_1x1x1_convolution_of_the_released_files():
    head = GridHead(num_classes=4, in_channels=3)
    assert {key: tuple(value.shape) for key, value in head.state_dict().items()} == {
        'fc.weight': (4, 3, 1, 1, 1),
        'fc.bias': (4,),
    }
    assert MODELS.get('STGCN2CNHead') is GridHead


def test_it_scores_grids_like_a_linear_layer_with_the_same_weights():
    torch.manual_seed(0)
    grid, linear = GridHead(4, 3).eval(), GCNHead(4, 3).eval()
    linear.fc_cls.weight.data.copy_(grid.fc.weight.data.flatten(1))
    x = torch.randn(2, 2, 3, 5, 6, 6)  # (N, M, C, T, H, W)
    torch.testing.assert_close(grid(x), linear(x))
