"""CTR-GCN, NTU120 XSub 3D, joints. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 84.0 top-1."""

_base_ = [
    '../../_base_/models/ctrgcn.py',
    '../../_base_/datasets/ntu120_xsub_3dkp.py',
    '../../_base_/pipelines/joints_3d.py',
    '../../_base_/schedules/pyskl.py',
    '../../_base_/default_runtime.py',
]
