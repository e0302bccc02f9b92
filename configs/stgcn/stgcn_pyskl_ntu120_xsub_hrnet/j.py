"""ST-GCN, NTU120 XSub 2D, joints. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 80.1 top-1."""

_base_ = [
    '../../_base_/models/stgcn.py',
    '../../_base_/datasets/ntu120_xsub_hrnet.py',
    '../../_base_/pipelines/joints_2d.py',
    '../../_base_/schedules/pyskl.py',
    '../../_base_/default_runtime.py',
]
