"""InfoGCN, NTU120 XSet 3D, k = 8, motion. CVPR 2022. 1 GPU x 128 clips, lr 0.1."""

_base_ = './k8.py'
modality = 'jm'
