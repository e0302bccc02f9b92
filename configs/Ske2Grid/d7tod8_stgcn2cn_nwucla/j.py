"""Ske2Grid 8x8 grown from 7x7, NW-UCLA, joints. Ours. 1 GPU x 16 clips.

Starts from the best checkpoint of d6tod7_stgcn2cn_nwucla/j.py: give it as load_from.
"""

_base_ = '../d5_stgcn2cn_nwucla/j.py'
model = dict(backbone=dict(grid_shape=[8, 8], progressive_joint_seq=[20, 25, 36, 49]))
