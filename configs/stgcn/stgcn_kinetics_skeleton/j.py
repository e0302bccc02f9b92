"""ST-GCN, Kinetics-skeleton, joints. arXiv 1801.07455. 4 GPUs x 64 clips, lr 0.1. ST-GCN's repository: 31.6 top-1."""

_base_ = [
    '../../_base_/models/stgcn.py',
    '../../_base_/datasets/kinetics_skeleton.py',
    '../../_base_/pipelines/openpose_moved.py',
    '../../_base_/schedules/stgcn_kinetics.py',
    '../../_base_/default_runtime.py',
]
