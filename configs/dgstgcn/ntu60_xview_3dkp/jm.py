"""DG-STGCN, NTU60 XView 3D, joint motion. arXiv 2210.05895. 8 GPUs x 16 clips, lr 0.1. PYSKL: 95.6 top-1."""

_base_ = './j.py'
modality = 'jm'
