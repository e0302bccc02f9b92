"""The pooled 5x5 grid with ST-GCN++'s temporal module and 3x3 convolutions of 8 groups."""

_base_ = './d5_mstcn_groups.py'
model = dict(backbone=dict(pyramid=True))
