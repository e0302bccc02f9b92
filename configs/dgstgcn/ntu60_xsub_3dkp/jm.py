"""DG-STGCN, NTU60 XSub 3D, joint motion. arXiv 2210.05895. 8 GPUs x 16 clips, lr 0.1. PYSKL: 88.5 top-1."""

_base_ = './j.py'
modality = 'jm'
