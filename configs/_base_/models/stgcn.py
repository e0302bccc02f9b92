"""ST-GCN, arXiv 1801.07455. A leaf adds the skeleton (graph_cfg.layout)."""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='STGCN', graph_cfg=dict(mode='stgcn_spatial')),
    cls_head=dict(type='GCNHead', in_channels=256),
)
