"""SGN, NTU120 XSet 3D, joints. Ours. 8 GPUs x 16 clips, lr 0.1."""

_base_ = [
    '../../_base_/models/sgn.py',
    '../../_base_/datasets/ntu120_xset_3dkp.py',
    '../../_base_/pipelines/joints_3d.py',
    '../../_base_/schedules/pyskl.py',
    '../../_base_/default_runtime.py',
]
clip_len = 30
