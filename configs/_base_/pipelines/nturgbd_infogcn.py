"""3D joints of NTU RGB+D, InfoGCN's recipe: a part of the clip in 64 frames, turned by up to 0.3 in training.

Bodies stand in their own frame of reference, mirrored, and who comes late is left out, as in the released code.
AlignPersons does neither by default.
"""

modality = 'j'
train_pipeline = [
    dict(type='PreNormalize3D', align_spine=False),
    dict(type='AlignPersons', mirror=True, erase_late=True),
    dict(type='CropResize', clip_len=64, p_interval=(0.5, 1)),
    dict(type='RandomRot', theta=0.3),
    dict(type='GenSkeFeat', dataset='nturgb+d'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = [
    dict(type='PreNormalize3D', align_spine=False),
    dict(type='AlignPersons', mirror=True, erase_late=True),
    dict(type='CropResize', clip_len=64),
    dict(type='GenSkeFeat', dataset='nturgb+d'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
test_pipeline = val_pipeline  # one clip
