"""ST-GCN as PYSKL has it at full width on NW-UCLA, with a sixth of the schedule."""

_base_ = ['../../configs/_base_/models/stgcn.py', './recipe.py']
