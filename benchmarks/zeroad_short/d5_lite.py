"""Ske2Grid 5x5 at a quarter of its width on 0 A.D.'s clips, in the short recipe; pooled where the channels double."""

_base_ = ['../../configs/_base_/models/ske2grid.py', './recipe.py']
model = dict(backbone=dict(base_channels=16, pyramid=True), cls_head=dict(in_channels=64))
