"""3D joints of NTU RGB+D, DG-STGCN's recipe: clips of 100 frames, rotated by up to 0.3 in training."""

modality = 'j'
clip_len = 100
transform_defaults = dict(RandomRot=dict(theta=0.3))
train_pipeline = [
    dict(type='PreNormalize3D'),
    dict(type='RandomRot'),
    dict(type='GenSkeFeat', dataset='nturgb+d'),
    dict(type='UniformSampleDecode'),
    dict(type='FormatGCNInput'),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [train_pipeline[0], *train_pipeline[2:]]
test_pipeline = [*val_pipeline[:2], dict(type='UniformSampleDecode', num_clips=10), *val_pipeline[3:]]
