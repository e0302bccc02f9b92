"""The 6x6 grid that starts as its 5x5 (ske2grid.py, given as load_from) with gated copies of cells around it."""

_base_ = './d6.py'
model = dict(backbone=dict(git_init='grow'))
