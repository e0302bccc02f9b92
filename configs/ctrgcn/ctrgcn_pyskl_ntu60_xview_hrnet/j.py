"""CTR-GCN, NTU60 XView 2D, joints. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 96.9 top-1."""

_base_ = [
    '../../_base_/models/ctrgcn.py',
    '../../_base_/datasets/ntu60_xview_hrnet.py',
    '../../_base_/pipelines/joints_2d.py',
    '../../_base_/schedules/pyskl.py',
    '../../_base_/default_runtime.py',
]
