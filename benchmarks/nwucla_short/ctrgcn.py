"""CTR-GCN at a quarter of its width on NW-UCLA, in the short recipe."""

_base_ = ['../../configs/_base_/models/ctrgcn.py', './recipe.py']
model = dict(
    backbone=dict(graph_cfg=dict(layout='nw-ucla'), base_channels=16), cls_head=dict(num_classes=10, in_channels=64)
)
