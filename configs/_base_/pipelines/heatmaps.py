"""Heatmaps of joints, PoseC3D's recipe: 48 frames, 56 x 56 pixels to train, 64 x 64 and ten clips, twice, to test.

In testing, the mirror image of every clip is an additional view.
"""

clip_len = 48
train_pipeline = [
    dict(type='UniformSampleFrames'),
    dict(type='PoseDecode'),
    dict(type='PoseCompact', hw_ratio=1.0),
    dict(type='Resize', scale=(-1, 64)),
    dict(type='RandomResizedCrop', area_range=(0.56, 1.0)),
    dict(type='Resize', scale=(56, 56), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='GeneratePoseTarget'),
    dict(type='FormatShape', input_format='NCTHW_Heatmap'),
    dict(type='Collect', keys=['imgs', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['imgs', 'label']),
]
val_pipeline = [
    *train_pipeline[:3],
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    *train_pipeline[7:10],
    dict(type='ToTensor', keys=['imgs']),
]
test_pipeline = [
    dict(type='UniformSampleFrames', num_clips=10),
    *val_pipeline[1:4],
    dict(type='GeneratePoseTarget', double=True),
    *val_pipeline[5:],
]
