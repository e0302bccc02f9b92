"""C3D, arXiv 1412.0767, with half the width and without its last stage, on heatmaps of the 17 COCO joints or limbs."""

model = dict(
    type='Recognizer3D',
    backbone=dict(type='C3D', in_channels=17, base_channels=32, num_stages=3, temporal_downsample=False),
    cls_head=dict(type='I3DHead', in_channels=256),
)
