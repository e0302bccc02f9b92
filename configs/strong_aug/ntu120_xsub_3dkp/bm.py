"""ST-GCN++ strong_aug, NTU120 XSub 3D, bone motion. arXiv 2205.09443. 8 GPUs x 16 clips, lr 0.1. PYSKL: 81.9 top-1."""

_base_ = './j.py'
modality = 'bm'
