"""ST-GCN at a quarter of its width on 0 A.D.'s clips, in the short recipe."""

_base_ = ['../../configs/_base_/models/stgcn.py', './recipe.py']
model = dict(backbone=dict(base_channels=16), cls_head=dict(in_channels=64))
