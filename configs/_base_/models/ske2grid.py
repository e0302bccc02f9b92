"""Ske2Grid, ICML 2023. A leaf adds the skeleton (graph_cfg.layout) and the grid."""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='Ske2Grid', graph_cfg=dict(mode='spatial')),
    cls_head=dict(type='GridHead', in_channels=256),
)
