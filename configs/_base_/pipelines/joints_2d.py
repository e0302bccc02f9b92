"""2D joints of any skeleton, the leaf's ``layout``: clips of 64 frames, one to train and validate, ten to test.

Pixels become shares of the picture; a joint of score 0 goes to its middle. One person.
"""

modality = 'j'
train_pipeline = [
    dict(type='PreNormalize2D'),
    dict(type='GenSkeFeat'),
    dict(type='UniformSample', clip_len=64),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = train_pipeline  # one clip, always the same one: data sets for validation are in test mode
test_pipeline = [
    dict(type='PreNormalize2D'),
    dict(type='GenSkeFeat'),
    dict(type='UniformSample', clip_len=64, num_clips=10),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
