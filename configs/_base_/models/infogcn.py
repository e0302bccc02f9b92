"""InfoGCN, CVPR 2022: the k-th mode of the joints, graphs by self-attention, a latent vector with noise.

Noise, priors, lambdas and label smoothing are those of the released code (defaults of the head). The skeleton is the
``layout`` of the data set; configs set k if it is not 1.
"""

model = dict(
    type='RecognizerGCN',
    backbone=dict(type='InfoGCN', graph_cfg=dict(), k=1),
    cls_head=dict(type='InfoGCNHead', in_channels=256),
)
