"""Ske2Grid 5x5 at a quarter of its width on NW-UCLA, in the short recipe."""

_base_ = ['../../configs/_base_/models/ske2grid.py', './recipe.py']
model = dict(
    backbone=dict(graph_cfg=dict(layout='nw-ucla'), grid_shape=[5, 5], progressive_joint_seq=[20], base_channels=16),
    cls_head=dict(num_classes=10, in_channels=64),
)
