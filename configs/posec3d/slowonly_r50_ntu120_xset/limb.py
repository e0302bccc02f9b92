"""PoseC3D, NTU120 XSet 2D, limbs. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 89.7 top-1."""

_base_ = [
    '../../_base_/models/slowonly_r50_463.py',
    '../../_base_/datasets/ntu120_xset_heatmaps.py',
    '../../_base_/pipelines/heatmaps_limb.py',
    '../../_base_/schedules/posec3d.py',
    '../../_base_/posec3d_runtime.py',
]
