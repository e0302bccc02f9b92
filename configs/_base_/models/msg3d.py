"""MS-G3D, arXiv 2003.14111: graph convolutions over several hop distances, and in parallel over windows of frames.

The skeleton is the ``layout`` of the data set.
"""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='MSG3D', graph_cfg=dict(mode='binary_adj')),
    cls_head=dict(type='GCNHead', in_channels=384),
)
