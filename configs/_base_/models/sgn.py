"""SGN, arXiv 1904.01189: joints and frames say which they are; a graph a frame.

A leaf adds num_joints and T (frames of a clip) where they are not 25 and 30.
"""

model = dict(type='RecognizerGCN', backbone=dict(type='SGN'), cls_head=dict(type='GCNHead', in_channels=512))
