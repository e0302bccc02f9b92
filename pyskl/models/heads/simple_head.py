"""PYSKL's SimpleHead: one name for the heads of all networks."""

from torch import nn

from pyskl.models.heads.gcn_head import GCNHead
from pyskl.models.heads.i3d_head import I3DHead
from pyskl.registry import MODELS

MODES = {'3D': I3DHead, 'GCN': GCNHead}


@MODELS.register_module(name='SimpleHead')
def simple_head(
    num_classes: int,
    in_channels: int,
    loss_cls: dict | None = None,
    dropout: float = 0.5,
    init_std: float = 0.01,
    mode: str = '3D',
    multi_class: bool = False,
    label_smooth_eps: float = 0.0,
) -> nn.Module:
    """An I3DHead (``mode='3D'``) or a GCNHead (``mode='GCN'``); see BaseHead for the other arguments.

    Raises:
        ValueError: If ``mode`` is neither.
    """
    if mode not in MODES:
        raise ValueError(f'cls_head.mode must be one of {sorted(MODES)}, got {mode!r}')
    return MODES[mode](num_classes, in_channels, loss_cls, dropout, init_std, multi_class, label_smooth_eps)
