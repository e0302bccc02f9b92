"""Ske2Grid, ICML 2023. The skeleton is the ``layout`` of the data set."""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='Ske2Grid', graph_cfg=dict(mode='spatial'), grid_shape=[5, 5]),
    cls_head=dict(type='GridHead', in_channels=256),
)
