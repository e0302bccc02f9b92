"""The 5x5 grid with ST-GCN++'s temporal module and 3x3 convolutions of 8 groups."""

_base_ = './ske2grid.py'
model = dict(backbone=dict(tcn='mstcn', groups=8))
