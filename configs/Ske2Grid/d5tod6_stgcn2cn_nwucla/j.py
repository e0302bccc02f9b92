"""Ske2Grid 6x6 grown from 5x5, NW-UCLA, joints. Ours. 1 GPU x 16 clips.

Starts from the best checkpoint of d5_stgcn2cn_nwucla/j.py: give it as load_from.
"""

_base_ = '../d5_stgcn2cn_nwucla/j.py'
model = dict(backbone=dict(grid_shape=[6, 6], progressive_joint_seq=[20, 25]))
