"""X3D-shallow, NTU60 XSub 2D, joints. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 92.1 top-1."""

_base_ = [
    '../../_base_/models/x3d_shallow.py',
    '../../_base_/datasets/ntu60_xsub_heatmaps.py',
    '../../_base_/pipelines/heatmaps.py',
    '../../_base_/schedules/posec3d.py',
    '../../_base_/posec3d_runtime.py',
]
