"""AAGCN, NTU60 XView 3D, joints. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 95.7 top-1."""

_base_ = [
    '../../_base_/models/aagcn.py',
    '../../_base_/datasets/ntu60_xview_3dkp.py',
    '../../_base_/pipelines/joints_3d.py',
    '../../_base_/schedules/pyskl.py',
    '../../_base_/default_runtime.py',
]
