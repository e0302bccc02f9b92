"""DG-STGCN, NTU120 XSet 3D, joints. arXiv 2210.05895. 8 GPUs x 16 clips, lr 0.1. PYSKL: 87.9 top-1."""

_base_ = [
    '../../_base_/models/dgstgcn.py',
    '../../_base_/datasets/ntu120_xset_3dkp.py',
    '../../_base_/pipelines/nturgbd_dgstgcn.py',
    '../../_base_/schedules/dgstgcn.py',
    '../../_base_/default_runtime.py',
]
data = dict(workers_per_gpu=4, train=dict(times=1))
transform_defaults = dict(PreNormalize3D=dict(align_spine=False), RandomRot=dict(theta=0.2))
