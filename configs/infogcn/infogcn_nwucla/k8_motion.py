"""InfoGCN, NW-UCLA, k = 8, motion. Ours. 1 GPU x 16 clips."""

_base_ = './k8.py'
modality = 'jm'
