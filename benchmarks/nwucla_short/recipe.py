"""CTR-GCN's pipeline of NW-UCLA cut to 16 frames and 10 passes over the clips: minutes on a CPU."""

_base_ = [
    '../../configs/_base_/datasets/nwucla.py',
    '../../configs/_base_/schedules/nwucla.py',
    '../../configs/_base_/default_runtime.py',
]
modality = 'j'
train_pipeline = [
    dict(type='RotateWholeDegrees', limit=60),
    dict(type='FillBox'),
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
optimizer = dict(lr=0.05)
total_epochs = 2
