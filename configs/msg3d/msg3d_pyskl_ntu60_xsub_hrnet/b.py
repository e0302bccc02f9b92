"""MS-G3D, NTU60 XSub 2D, bones. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 92.8 top-1."""

_base_ = './j.py'
modality = 'b'
