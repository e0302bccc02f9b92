"""CTR-GCN, its authors' network, at full width on NW-UCLA, with a sixth of the schedule."""

_base_ = ['../../configs/_base_/models/ctrgcn.py', './recipe.py']
model = dict(backbone=dict(variant='original'))
