"""2D joints, PYSKL's recipe: clips of 100 frames, one to train and validate, ten to test. For any skeleton.

Pixels become shares of the image; joints of score 0 move to its center. ``layout`` and ``num_person`` come from the
data set.
"""

modality = 'j'
clip_len = 100
train_pipeline = [
    dict(type='PreNormalize2D'),
    dict(type='GenSkeFeat'),
    dict(type='UniformSample'),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput'),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = train_pipeline  # one clip, always the same one: data sets for validation are in test mode
test_pipeline = [*train_pipeline[:2], dict(type='UniformSample', num_clips=10), *train_pipeline[3:]]
