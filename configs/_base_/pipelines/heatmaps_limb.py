"""heatmaps_joint.py with limbs drawn in place of joints, in the order of PYSKL's limb configs."""

_base_ = './heatmaps_joint.py'
train_pipeline = [
    *_base_.train_pipeline[:7],
    dict(type='GeneratePoseTarget', with_kp=False, with_limb=True, skeletons='posec3d'),
    *_base_.train_pipeline[8:],
]
val_pipeline = [*_base_.val_pipeline[:4], train_pipeline[7], *_base_.val_pipeline[5:]]
test_pipeline = [
    *_base_.test_pipeline[:4],
    dict(type='GeneratePoseTarget', with_kp=False, with_limb=True, skeletons='posec3d', double=True),
    *_base_.test_pipeline[5:],
]
