"""X3D-shallow, NTU60 XSub 2D, limbs. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 91.6 top-1."""

_base_ = [
    '../../_base_/models/x3d_shallow.py',
    '../../_base_/datasets/ntu60_xsub_heatmaps.py',
    '../../_base_/pipelines/heatmaps_limb.py',
    '../../_base_/schedules/posec3d.py',
    '../../_base_/posec3d_runtime.py',
]
