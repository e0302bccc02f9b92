"""AAGCN, NTU120 XSub 2D, joint motion. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 80.9 top-1."""

_base_ = './j.py'
modality = 'jm'
