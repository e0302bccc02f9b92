"""InfoGCN, NW-UCLA, k = 2: joints seen from their parents' parents. Ours. 1 GPU x 16 clips."""

_base_ = './k1.py'
model = dict(backbone=dict(k=2))
