"""C3D-light, FineGYM 2D, limbs. arXiv 2104.13586. 8 GPUs x 32 clips, lr 0.4. PYSKL: 91.2 mean class."""

_base_ = ['./joint.py', '../../_base_/pipelines/limbs.py']
