"""InfoGCN at full width on NW-UCLA's joints (k = 8), with a sixth of the schedule."""

_base_ = ['../../configs/_base_/models/infogcn.py', './recipe.py']
model = dict(backbone=dict(k=8))
