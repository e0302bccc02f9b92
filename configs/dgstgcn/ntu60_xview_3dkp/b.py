"""DG-STGCN, NTU60 XView 3D, bones. arXiv 2210.05895. 8 GPUs x 16 clips, lr 0.1. PYSKL: 96.1 top-1."""

_base_ = './j.py'
modality = 'b'
