"""The pooled 5x5 grid whose cells start in the order of the body."""

_base_ = './d5_lite.py'
model = dict(backbone=dict(git_init='skeleton'))
