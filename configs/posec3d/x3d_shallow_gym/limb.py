"""X3D-shallow, FineGYM 2D, limbs. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 90.0 mean class."""

_base_ = ['./joint.py', '../../_base_/pipelines/limbs.py']
