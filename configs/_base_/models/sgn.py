"""SGN, arXiv 1904.01189: inputs encode joint and frame indices; one graph per frame by self-attention.

num_joints comes from the ``layout`` of the data set, T from ``clip_len``.
"""

model = dict(type='RecognizerGCN', backbone=dict(type='SGN'), cls_head=dict(type='GCNHead', in_channels=512))
