"""InfoGCN, NTU60 XSub 3D, k = 2, motion. CVPR 2022. 1 GPU x 128 clips, lr 0.1."""

_base_ = './k2.py'
modality = 'jm'
