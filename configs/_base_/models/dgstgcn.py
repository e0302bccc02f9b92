"""DG-STGCN, arXiv 2210.05895: eight learned graphs with random initial values, without edges of the skeleton.

Only the number of joints of the ``layout`` of the data set is used.
"""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='DGSTGCN', gcn_ratio=0.125, graph_cfg=dict(mode='random', num_filter=8)),
    cls_head=dict(type='GCNHead', in_channels=256),
)
