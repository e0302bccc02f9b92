"""PoseC3D from K400, HMDB51 split 1 2D, joints. arXiv 2104.13586. 8 GPUs x 16 clips, lr 0.01. PYSKL: 69.4 top-1."""

_base_ = [
    '../../_base_/models/slowonly_r50_346.py',
    '../../_base_/datasets/hmdb51_s1_heatmaps.py',
    '../../_base_/pipelines/heatmaps_small.py',
    '../../_base_/schedules/posec3d_finetune.py',
    '../../_base_/posec3d_runtime.py',
]
optimizer = dict(weight_decay=1e-4)
