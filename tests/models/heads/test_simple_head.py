import pytest
import torch

from pyskl.registry import MODELS, build_component


@pytest.mark.parametrize(
    ('mode', 'kind', 'shape'), [('3D', 'I3DHead', (2, 8, 3, 4, 4)), ('GCN', 'GCNHead', (2, 1, 8, 3, 5))]
)
def test_mode_selects_the_head_of_graph_or_volume_networks(mode, kind, shape):
    head = build_component({'type': 'SimpleHead', 'num_classes': 3, 'in_channels': 8, 'mode': mode}, MODELS)
    assert type(head).__name__ == kind and head.dropout.p == 0.5
    assert head(torch.zeros(shape)).shape == (2, 3)


def test_an_unknown_mode_raises():
    with pytest.raises(ValueError, match=r"cls_head.mode must be one of \['3D', 'GCN'\], got '2D'"):
        build_component({'type': 'SimpleHead', 'num_classes': 3, 'in_channels': 8, 'mode': '2D'}, MODELS)
