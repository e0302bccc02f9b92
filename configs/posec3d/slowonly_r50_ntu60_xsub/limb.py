"""PoseC3D, NTU60 XSub 2D, limbs. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 93.4 top-1."""

_base_ = ['./joint.py', '../../_base_/pipelines/limbs.py']
