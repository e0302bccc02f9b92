"""2D joints of any skeleton, the leaf's ``layout``: clips of 64 frames, one to train and validate, ten to test.

Pixels become shares of the picture; a joint of score 0 goes to its middle. One person.
"""

modality = 'j'
clip_len = 64
train_pipeline = [
    dict(type='PreNormalize2D'),
    dict(type='GenSkeFeat'),
    dict(type='UniformSample'),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = train_pipeline  # one clip, always the same one: data sets for validation are in test mode
test_pipeline = [*train_pipeline[:2], dict(type='UniformSample', num_clips=10), *train_pipeline[3:]]
