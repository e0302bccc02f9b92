"""InfoGCN, CVPR 2022: the k-th mode of the joints, graphs drawn from each frame, a noisy latent.

Noise, priors, lambdas and label smoothing are the released code's (the head's defaults). The skeleton is the ``layout``
of the data set; a leaf adds k where it is not 1.
"""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='InfoGCN', graph_cfg=dict(), k=1),
    cls_head=dict(type='InfoGCNHead', in_channels=256),
)
