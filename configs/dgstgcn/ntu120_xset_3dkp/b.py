"""DG-STGCN, NTU120 XSet 3D, bones. arXiv 2210.05895. 8 GPUs x 16 clips, lr 0.1. PYSKL: 89.8 top-1."""

_base_ = './j.py'
modality = 'b'
