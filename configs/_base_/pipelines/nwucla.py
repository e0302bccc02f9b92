"""3D joints of NW-UCLA, metres from the spine: clips of 32 frames (the median clip has 31).

Rotated in training, mainly about the vertical axis, since the test view is another camera. CTR-GCN rotates by up to
1 radian.
"""

modality = 'j'
clip_len = 32
train_pipeline = [
    dict(type='PreNormalize3D', align_spine=False, dataset='nw-ucla'),
    dict(type='RandomRot', theta=(0.3, 1.0, 0.1)),
    dict(type='RandomScale', scale=0.2),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='UniformSample'),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput'),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [train_pipeline[0], *train_pipeline[3:]]
test_pipeline = [*val_pipeline[:2], dict(type='UniformSample', num_clips=10), *val_pipeline[3:]]
