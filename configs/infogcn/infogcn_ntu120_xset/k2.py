"""InfoGCN, NTU120 XSet 3D, k = 2: joints seen from their parents' parents. CVPR 2022. 1 GPU x 128 clips, lr 0.1."""

_base_ = './k1.py'
model = dict(backbone=dict(k=2))
