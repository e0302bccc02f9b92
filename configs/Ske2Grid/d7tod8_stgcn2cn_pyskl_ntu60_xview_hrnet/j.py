"""Ske2Grid 8x8 grown from 7x7, NTU60 XView 2D, joints. ICML 2023. 4 GPUs x 16 clips, lr 0.05.

Starts from the best checkpoint of d6tod7_stgcn2cn_pyskl_ntu60_xview_hrnet/j.py: give it as load_from.
"""

_base_ = '../d5_stgcn2cn_pyskl_ntu60_xview_hrnet/j.py'
model = dict(backbone=dict(grid_shape=[8, 8], progressive_joint_seq=[17, 25, 36, 49]))
