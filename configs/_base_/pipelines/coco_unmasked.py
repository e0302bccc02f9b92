"""coco.py without masking: joints of low score keep their place, as in Ske2Grid and in PYSKL before 2023-02."""

modality = 'j'
clip_len = 100
train_pipeline = [
    dict(type='PreNormalize2D', threshold=None),
    dict(type='GenSkeFeat', dataset='coco'),
    dict(type='UniformSample'),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput'),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = train_pipeline  # one clip, always the same one: data sets for validation are in test mode
test_pipeline = [*train_pipeline[:2], dict(type='UniformSample', num_clips=10), *train_pipeline[3:]]
