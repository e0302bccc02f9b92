"""InfoGCN's crop of half to all of the clip, resized to 16 frames."""

_base_ = './stgcn.py'
train_pipeline = [
    dict(type='RotateWholeDegrees', limit=60),
    dict(type='FillBox'),
    dict(type='CropResize', clip_len=16, p_interval=(0.5, 1), min_frames=16),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [
    dict(type='FillBox'),
    dict(type='CropResize', clip_len=16, p_interval=0.95),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
test_pipeline = val_pipeline
