"""The 5x5 grid with initial cells in the order of the body."""

_base_ = './ske2grid.py'
model = dict(backbone=dict(git_init='skeleton'))
