"""Each coordinate scaled by up to a fifth, behind the box."""

_base_ = './stgcn.py'
train_pipeline = [
    dict(type='RotateWholeDegrees', limit=60),
    dict(type='FillBox'),
    dict(type='RandomScale', scale=0.2),
    dict(type='SampleSorted', clip_len=16),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [
    dict(type='FillBox'),
    dict(type='SampleSorted', clip_len=16),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
test_pipeline = val_pipeline
