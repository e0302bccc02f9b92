"""InfoGCN, CVPR 2022: the k-th mode of the joints, graphs drawn from each frame, a noisy latent.

Noise, priors, lambdas and label smoothing are the released code's (the head's defaults). A leaf adds the skeleton
(graph_cfg.layout) and k.
"""

model = dict(
    type='RecognizerGCN', backbone=dict(type='InfoGCN', k=1), cls_head=dict(type='InfoGCNHead', in_channels=256)
)
