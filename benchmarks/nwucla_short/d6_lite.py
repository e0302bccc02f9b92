"""The pooled 6x6 grid, grown from a trained pooled 5x5 (d5_lite.py): give that one's checkpoint as load_from."""

_base_ = './d6.py'
model = dict(backbone=dict(pyramid=True))
