"""ST-GCN (vanilla), NTU60 XSub 3D, joints. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 81.5 top-1."""

_base_ = [
    '../../_base_/models/stgcn_vanilla.py',
    '../../_base_/datasets/ntu60_xsub_3dkp.py',
    '../../_base_/pipelines/joints_3d_whole.py',
    '../../_base_/schedules/vanilla.py',
    '../../_base_/default_runtime.py',
]
