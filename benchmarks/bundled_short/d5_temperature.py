"""The 5x5 grid whose assignment learns by a softmax of temperature 0.1."""

_base_ = './ske2grid.py'
model = dict(backbone=dict(git_temperature=0.1))
