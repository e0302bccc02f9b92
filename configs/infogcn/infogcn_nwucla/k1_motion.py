"""InfoGCN, NW-UCLA, k = 1, motion. Ours. 1 GPU x 16 clips."""

_base_ = './k1.py'
modality = 'jm'
