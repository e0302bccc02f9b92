"""Ske2Grid 5x5 pooled to 3x3 and 2x2, NTU60 XSub 2D, joints. Ours. 4 GPUs x 16 clips, lr 0.05."""

_base_ = '../d5_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py'
model = dict(backbone=dict(pyramid=True))
