"""PoseC3D, blocks 3-4-6, Kinetics-400 2D, joints. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 46.6 top-1."""

_base_ = [
    '../../_base_/models/slowonly_r50_346.py',
    '../../_base_/datasets/k400_heatmaps.py',
    '../../_base_/pipelines/heatmaps_boxes.py',
    '../../_base_/schedules/posec3d.py',
    '../../_base_/posec3d_runtime.py',
]
optimizer = dict(weight_decay=1e-4)
