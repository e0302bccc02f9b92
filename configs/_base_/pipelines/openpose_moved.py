"""2D joints as shares of the picture, ST-GCN's recipe for Kinetics: the clip filled up to 300 frames with zeros.

Trained on 150 frames in a row, seen by a camera that moves; tested on all 300.
"""

modality = 'j'
train_pipeline = [
    dict(type='PictureShare'),
    dict(type='FillPersons', num_person=2),
    dict(type='PadTo', length=300, mode='zero'),
    dict(type='RandomWindow', length=150),
    dict(type='RandomMove'),
    dict(type='GenSkeFeat', dataset='openpose'),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [
    dict(type='PictureShare'),
    dict(type='PadTo', length=300, mode='zero'),
    dict(type='GenSkeFeat', dataset='openpose'),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
test_pipeline = val_pipeline
