"""Ske2Grid 5x5 pooled to 3x3 and 2x2, NW-UCLA, joints. Ours. 1 GPU x 16 clips."""

_base_ = '../d5_stgcn2cn_nwucla/j.py'
model = dict(backbone=dict(pyramid=True))
