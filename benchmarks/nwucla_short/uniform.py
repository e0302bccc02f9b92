"""PYSKL's uniform sampling: one random frame per segment."""

_base_ = './stgcn.py'
train_pipeline = [
    dict(type='RotateWholeDegrees', limit=60),
    dict(type='FillBox'),
    dict(type='UniformSampleDecode', clip_len=16),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [
    dict(type='FillBox'),
    dict(type='UniformSampleDecode', clip_len=16, num_clips=1),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
test_pipeline = val_pipeline
