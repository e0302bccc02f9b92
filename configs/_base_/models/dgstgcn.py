"""DG-STGCN, arXiv 2210.05895: eight graphs that start from chance and know nothing of the skeleton.

Of the skeleton, the ``layout`` of the data set, only the number of joints counts.
"""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='DGSTGCN', gcn_ratio=0.125, graph_cfg=dict(mode='random', num_filter=8)),
    cls_head=dict(type='GCNHead', in_channels=256),
)
