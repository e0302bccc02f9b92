"""heatmaps_limb.py for records of boxes, a row a detected person, as Kinetics-400 has them."""

clip_len = 48
train_pipeline = [
    dict(type='DecompressPose'),
    dict(type='UniformSampleFrames'),
    dict(type='PoseDecode'),
    dict(type='PoseCompact', hw_ratio=1.0),
    dict(type='Resize', scale=(-1, 64)),
    dict(type='RandomResizedCrop', area_range=(0.56, 1.0)),
    dict(type='Resize', scale=(56, 56), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='GeneratePoseTarget', with_kp=False, with_limb=True, skeletons='posec3d'),
    dict(type='FormatShape', input_format='NCTHW_Heatmap'),
    dict(type='Collect', keys=['imgs', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['imgs', 'label']),
]
val_pipeline = [
    *train_pipeline[:4],
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    *train_pipeline[8:11],
    dict(type='ToTensor', keys=['imgs']),
]
test_pipeline = [
    val_pipeline[0],
    dict(type='UniformSampleFrames', num_clips=10),
    *val_pipeline[2:5],
    dict(type='GeneratePoseTarget', with_kp=False, with_limb=True, skeletons='posec3d', double=True),
    *val_pipeline[6:],
]
