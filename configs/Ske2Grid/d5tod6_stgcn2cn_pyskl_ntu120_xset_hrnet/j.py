"""Ske2Grid 6x6 grown from 5x5, NTU120 XSet 2D, joints. ICML 2023. 4 GPUs x 16 clips, lr 0.05.

Starts from the best checkpoint of d5_stgcn2cn_pyskl_ntu120_xset_hrnet/j.py: give it as load_from.
"""

_base_ = '../d5_stgcn2cn_pyskl_ntu120_xset_hrnet/j.py'
model = dict(backbone=dict(grid_shape=[6, 6], progressive_joint_seq=[17, 25]))
