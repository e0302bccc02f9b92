"""InfoGCN, NW-UCLA, k = 8: the joints themselves, no chain is as long. Ours. 1 GPU x 16 clips."""

_base_ = './k1.py'
model = dict(backbone=dict(k=8))
