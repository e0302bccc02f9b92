"""3D joints of NW-UCLA, metres from the spine: clips of 52 frames, as CTR-GCN's; turned and scaled in training."""

modality = 'j'
train_pipeline = [
    dict(type='PreNormalize3D', align_spine=False, dataset='nw-ucla'),
    dict(type='RandomRot', theta=0.5),
    dict(type='RandomScale', scale=0.2),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='UniformSample', clip_len=52),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [
    dict(type='PreNormalize3D', align_spine=False, dataset='nw-ucla'),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='UniformSample', clip_len=52),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
test_pipeline = [
    dict(type='PreNormalize3D', align_spine=False, dataset='nw-ucla'),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='UniformSample', clip_len=52, num_clips=10),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
