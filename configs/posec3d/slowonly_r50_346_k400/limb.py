"""PoseC3D, blocks 3-4-6, Kinetics-400 2D, limbs. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 45.7 top-1."""

_base_ = ['./joint.py', '../../_base_/pipelines/limbs.py']
