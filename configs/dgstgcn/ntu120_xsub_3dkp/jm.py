"""DG-STGCN, NTU120 XSub 3D, joint motion. arXiv 2210.05895. 8 GPUs x 16 clips, lr 0.1. PYSKL: 82.9 top-1."""

_base_ = './j.py'
modality = 'jm'
