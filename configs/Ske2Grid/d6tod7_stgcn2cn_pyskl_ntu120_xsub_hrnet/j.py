"""Ske2Grid 7x7 grown from 6x6, NTU120 XSub 2D, joints. ICML 2023. 4 GPUs x 16 clips, lr 0.05.

Starts from the best checkpoint of d5tod6_stgcn2cn_pyskl_ntu120_xsub_hrnet/j.py: give it as load_from.
"""

_base_ = '../d5_stgcn2cn_pyskl_ntu120_xsub_hrnet/j.py'
model = dict(backbone=dict(grid_shape=[7, 7], progressive_joint_seq=[17, 25, 36]))
