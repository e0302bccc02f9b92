"""MS-G3D, NTU60 XView 3D, joint motion. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 94.0 top-1."""

_base_ = './j.py'
modality = 'jm'
