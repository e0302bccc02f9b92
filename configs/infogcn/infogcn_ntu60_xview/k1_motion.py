"""InfoGCN, NTU60 XView 3D, k = 1, motion. CVPR 2022. 1 GPU x 128 clips, lr 0.1."""

_base_ = './k1.py'
modality = 'jm'
