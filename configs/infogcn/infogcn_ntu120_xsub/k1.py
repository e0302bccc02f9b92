"""InfoGCN, NTU120 XSub 3D, k = 1: bones. CVPR 2022. 1 GPU x 128 clips, lr 0.1. Published: 89.8 with all six streams."""

_base_ = [
    '../../_base_/models/infogcn.py',
    '../../_base_/datasets/ntu120_xsub_3dkp.py',
    '../../_base_/pipelines/nturgbd_infogcn.py',
    '../../_base_/schedules/infogcn.py',
    '../../_base_/default_runtime.py',
]
data = dict(videos_per_gpu=128, workers_per_gpu=4, train=dict(times=1))
transform_defaults = dict(FormatGCNInput=dict(mode='loop'))  # a single person is fed as both
