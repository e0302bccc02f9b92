"""DG-STGCN at full width on NW-UCLA, with a sixth of the schedule."""

_base_ = ['../../configs/_base_/models/dgstgcn.py', './recipe.py']
