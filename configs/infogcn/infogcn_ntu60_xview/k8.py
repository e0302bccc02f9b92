"""InfoGCN, NTU60 XView 3D, k = 8: the joints themselves. CVPR 2022. 1 GPU x 128 clips, lr 0.1."""

_base_ = './k1.py'
model = dict(backbone=dict(k=8))
