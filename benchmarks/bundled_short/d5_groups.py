"""The 5x5 grid with 3x3 convolutions of 8 groups, each followed by a 1x1 convolution."""

_base_ = './ske2grid.py'
model = dict(backbone=dict(groups=8))
