"""Ske2Grid 6x6 grown from 5x5 on the bundled data, joints. 1 CPU x 16 clips.

Starts from the best checkpoint of d5.py: give it as load_from.
"""

_base_ = './d5.py'
total_epochs = 8
model = dict(backbone=dict(grid_shape=[6, 6], progressive_joint_seq=[17, 25]))
