"""3D joints of NTU RGB+D, InfoGCN's recipe: a part of the clip in 64 frames, rotated by up to 0.3 in training.

As in the released code, each body is rotated into its own frame and mirrored, and persons absent from the first frame
are left out; AlignPersons does neither by default.
"""

modality = 'j'
clip_len = 64
train_pipeline = [
    dict(type='PreNormalize3D', align_spine=False),
    dict(type='AlignPersons', mirror=True, erase_late=True),
    dict(type='CropResize', p_interval=(0.5, 1)),
    dict(type='RandomRot', theta=0.3),
    dict(type='GenSkeFeat', dataset='nturgb+d'),
    dict(type='FormatGCNInput'),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [*train_pipeline[:2], dict(type='CropResize'), *train_pipeline[4:]]
test_pipeline = val_pipeline  # one clip
