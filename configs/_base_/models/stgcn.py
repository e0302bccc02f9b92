"""ST-GCN, arXiv 1801.07455. The skeleton is the ``layout`` of the data set."""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='STGCN', graph_cfg=dict(mode='stgcn_spatial')),
    cls_head=dict(type='GCNHead', in_channels=256),
)
