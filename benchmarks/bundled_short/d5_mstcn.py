"""The 5x5 grid with ST-GCN++'s temporal module."""

_base_ = './ske2grid.py'
model = dict(backbone=dict(tcn='mstcn'))
