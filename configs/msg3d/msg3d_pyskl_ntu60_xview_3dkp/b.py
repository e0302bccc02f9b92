"""MS-G3D, NTU60 XView 3D, bones. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 95.0 top-1."""

_base_ = './j.py'
modality = 'b'
