"""ST-GCN as first published: dropout after every temporal convolution but the first."""

_base_ = './stgcn.py'
model = dict(backbone=dict(tcn_dropout=0.5))
