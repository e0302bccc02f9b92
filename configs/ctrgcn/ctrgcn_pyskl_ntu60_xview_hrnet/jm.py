"""CTR-GCN, NTU60 XView 2D, joint motion. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 94.8 top-1."""

_base_ = './j.py'
modality = 'jm'
