"""SGN, arXiv 1904.01189: joints and frames say which they are; a graph a frame.

num_joints follows the ``layout`` of the data set, T the ``clip_len``.
"""

model = dict(type='RecognizerGCN', backbone=dict(type='SGN'), cls_head=dict(type='GCNHead', in_channels=512))
