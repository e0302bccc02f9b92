"""Ske2Grid 5x5, NTU60 XView 2D, joints. ICML 2023. 4 GPUs x 16 clips, lr 0.05."""

_base_ = [
    '../../_base_/models/ske2grid.py',
    '../../_base_/datasets/ntu60_xview_hrnet.py',
    '../../_base_/pipelines/joints_2d.py',
    '../../_base_/schedules/ske2grid.py',
    '../../_base_/default_runtime.py',
]
transform_defaults = dict(PreNormalize2D=dict(threshold=None))  # joints of low score keep their place
