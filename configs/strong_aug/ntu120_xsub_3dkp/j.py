"""ST-GCN++ strong_aug, NTU120 XSub 3D, joints. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 84.3 top-1."""

_base_ = [
    '../../_base_/models/stgcnpp.py',
    '../../_base_/datasets/ntu120_xsub_3dkp.py',
    '../../_base_/pipelines/joints_3d_strong_aug.py',
    '../../_base_/schedules/strong_aug.py',
    '../../_base_/default_runtime.py',
]
