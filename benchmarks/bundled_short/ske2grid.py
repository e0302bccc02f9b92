"""Ske2Grid 5x5 at a quarter of its width on the bundled clips, in the short recipe."""

_base_ = ['../../configs/_base_/models/ske2grid.py', './recipe.py']
model = dict(backbone=dict(base_channels=16), cls_head=dict(in_channels=64))
