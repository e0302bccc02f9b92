"""Ske2Grid 6x6, pooled to 3x3 and 2x2, grown from the 5x5 grid that d5_lite.py trains with seed 1."""

_base_ = './d5_lite.py'
model = dict(backbone=dict(grid_shape=[6, 6], progressive_joint_seq=[20, 25]))
load_from = 'work_dirs/nwucla_full/d5_lite/s1/latest.pth'
