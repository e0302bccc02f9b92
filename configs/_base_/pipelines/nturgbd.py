"""3D joints of NTU RGB+D, PYSKL's recipe: clips of 100 frames, one to train and validate, ten to test."""

modality = 'j'
clip_len = 100
train_pipeline = [
    dict(type='PreNormalize3D'),
    dict(type='GenSkeFeat', dataset='nturgb+d'),
    dict(type='UniformSample'),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput'),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = train_pipeline  # one clip, always the same one: data sets for validation are in test mode
test_pipeline = [*train_pipeline[:2], dict(type='UniformSample', num_clips=10), *train_pipeline[3:]]
