"""nturgbd.py with strong augmentation: joints scaled by up to 0.1 an axis and turned by up to 0.3 radians an axis."""

_base_ = './nturgbd.py'
train_pipeline = [
    _base_.train_pipeline[0],
    dict(type='RandomScale', scale=0.1),
    dict(type='RandomRot', theta=0.3),
    *_base_.train_pipeline[1:],
]
