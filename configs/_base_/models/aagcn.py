"""AAGCN, arXiv 1912.06971: learned graphs plus a graph per clip, attention over joints, frames and channels.

2s-AGCN, arXiv 1805.07694, is the same network without attention (backbone.gcn_attention=False).
The skeleton is the ``layout`` of the data set.
"""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='AAGCN', graph_cfg=dict(mode='spatial')),
    cls_head=dict(type='GCNHead', in_channels=256),
)
