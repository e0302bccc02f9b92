"""joints_3d.py with strong augmentation: joints scaled by up to 0.1 and rotated by up to 0.3 radians per axis."""

_base_ = './joints_3d.py'
train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='RandomScale', scale=0.1),
    dict(type='RandomRot', theta=0.3),
    *_base_.train_pipeline[1:],
]
