"""DG-STGCN, NTU120 XSub 3D, bones. arXiv 2210.05895. 8 GPUs x 16 clips, lr 0.1. PYSKL: 88.0 top-1."""

_base_ = './j.py'
modality = 'b'
