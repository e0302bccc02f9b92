"""PoseC3D, NTU60 XView 2D, joints. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 96.5 top-1."""

_base_ = [
    '../../_base_/models/slowonly_r50_463.py',
    '../../_base_/datasets/ntu60_xview_heatmaps.py',
    '../../_base_/pipelines/heatmaps.py',
    '../../_base_/schedules/posec3d.py',
    '../../_base_/posec3d_runtime.py',
]
