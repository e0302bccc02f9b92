"""The 5x5 grid pooled where the channels double."""

_base_ = './ske2grid.py'
model = dict(backbone=dict(pyramid=True))
