"""CTR-GCN, arXiv 2107.12213: one graph per channel, refined from a shared learned graph.

The skeleton is the ``layout`` of the data set.
"""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='CTRGCN', graph_cfg=dict(mode='spatial')),
    cls_head=dict(type='GCNHead', in_channels=256),
)
