"""InfoGCN, NW-UCLA, k = 2, motion. Ours. 1 GPU x 16 clips."""

_base_ = './k2.py'
modality = 'jm'
