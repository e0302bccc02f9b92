"""The 6x6 grid as released, grown from a trained 5x5 (ske2grid.py): give that one's checkpoint as load_from."""

_base_ = './ske2grid.py'
model = dict(backbone=dict(grid_shape=[6, 6], progressive_joint_seq=[17, 25]))
