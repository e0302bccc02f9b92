"""Ske2Grid 6x6, pooled to 3x3 and 2x2, grown from a trained d5_lite.py: give that one's checkpoint as load_from."""

_base_ = './d5_lite.py'
model = dict(backbone=dict(grid_shape=[6, 6], progressive_joint_seq=[20, 25]))
