"""The pooled 6x6 grid that starts as its pooled 5x5 (d5_lite.py, given as load_from)."""

_base_ = './d6_lite.py'
model = dict(backbone=dict(git_init='grow'))
