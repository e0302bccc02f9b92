"""PoseC3D, arXiv 2104.13586: a SlowOnly ResNet on heatmaps of the 17 COCO joints or of limbs."""

model = dict(
    type='Recognizer3D',
    backbone=dict(
        type='ResNet3dSlowOnly',
        in_channels=17,
        base_channels=32,
        num_stages=3,
        out_indices=(2,),
        stage_blocks=(4, 6, 3),
        conv1_stride=(1, 1),
        pool1_stride=(1, 1),
        inflate=(0, 1, 1),
        spatial_strides=(2, 2, 2),
        temporal_strides=(1, 1, 2),
    ),
    cls_head=dict(type='I3DHead', in_channels=512),
)
