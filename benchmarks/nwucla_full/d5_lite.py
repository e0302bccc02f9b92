"""Ske2Grid 5x5 pooled to 3x3 and 2x2 at full width on NW-UCLA, with a sixth of the schedule."""

_base_ = ['../../configs/_base_/models/ske2grid.py', './recipe.py']
model = dict(backbone=dict(pyramid=True))
