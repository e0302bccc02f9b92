"""PoseC3D, NTU120 XSub 2D, joints. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4.

PYSKL's file of this name draws limbs; the claim of limb.py is the one to compare with.
"""

_base_ = [
    '../../_base_/models/slowonly_r50_463.py',
    '../../_base_/datasets/ntu120_xsub_heatmaps.py',
    '../../_base_/pipelines/heatmaps.py',
    '../../_base_/schedules/posec3d.py',
    '../../_base_/posec3d_runtime.py',
]
