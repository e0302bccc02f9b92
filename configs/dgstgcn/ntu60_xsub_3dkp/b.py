"""DG-STGCN, NTU60 XSub 3D, bones. arXiv 2210.05895. 8 GPUs x 16 clips, lr 0.1. PYSKL: 91.6 top-1."""

_base_ = './j.py'
modality = 'b'
