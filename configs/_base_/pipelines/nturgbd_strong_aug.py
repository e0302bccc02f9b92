"""nturgbd.py with strong augmentation: joints scaled by up to 0.1 an axis and turned by up to 0.3 radians an axis."""

_base_ = './nturgbd.py'
train_pipeline = [
    dict(type='PreNormalize3D'),
    dict(type='RandomScale', scale=0.1),
    dict(type='RandomRot', theta=0.3),
    dict(type='GenSkeFeat', dataset='nturgb+d'),
    dict(type='UniformSample'),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput'),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
