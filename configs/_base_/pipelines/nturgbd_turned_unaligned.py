"""3D joints of NTU RGB+D, DG-STGCN's recipe: nturgbd_turned.py with the spine as filmed, turned by up to 0.2."""

modality = 'j'
clip_len = 100
train_pipeline = [
    dict(type='PreNormalize3D', align_spine=False),
    dict(type='RandomRot', theta=0.2),
    dict(type='GenSkeFeat', dataset='nturgb+d'),
    dict(type='UniformSampleDecode'),
    dict(type='FormatGCNInput'),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [train_pipeline[0], *train_pipeline[2:]]
test_pipeline = [*val_pipeline[:2], dict(type='UniformSampleDecode', num_clips=10), *val_pipeline[3:]]
