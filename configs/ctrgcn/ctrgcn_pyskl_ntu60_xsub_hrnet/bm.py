"""CTR-GCN, NTU60 XSub 2D, bone motion. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 90.3 top-1."""

_base_ = './j.py'
modality = 'bm'
