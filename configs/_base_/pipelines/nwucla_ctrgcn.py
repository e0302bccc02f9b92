"""3D joints of NW-UCLA, CTR-GCN's recipe, which InfoGCN shares: 52 frames in the box [-1, 1], rotated in training.

Published: rotation by up to 60 degrees about x and y, one clip in testing. Streams are taken of the sampled frames.
Its centring and its random scale (0.5 to 1.5) are left out: the box cancels them exactly.
"""

modality = 'j'
clip_len = 52
train_pipeline = [
    dict(type='RotateWholeDegrees', limit=60),
    dict(type='FillBox'),
    dict(type='SampleSorted'),
    dict(type='GenSkeFeat', dataset='nw-ucla'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = train_pipeline[1:]
test_pipeline = val_pipeline  # one clip
