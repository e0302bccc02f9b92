"""2D joints as shares of the image, ST-GCN's recipe for Kinetics: clips padded to 300 frames with zeros.

Trained on 150 consecutive frames with simulated camera motion; tested on all 300.
"""

modality = 'j'
train_pipeline = [
    dict(type='PictureShare'),
    dict(type='FillPersons'),
    dict(type='PadTo', length=300, mode='zero'),
    dict(type='RandomWindow', length=150),
    dict(type='RandomMove'),
    dict(type='GenSkeFeat', dataset='openpose'),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput'),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [train_pipeline[0], dict(type='PadTo', length=300, mode='zero'), *train_pipeline[5:]]
test_pipeline = val_pipeline
