"""PoseC3D, NTU120 XSet 2D, limbs. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 89.7 top-1."""

_base_ = ['./joint.py', '../../_base_/pipelines/limbs.py']
