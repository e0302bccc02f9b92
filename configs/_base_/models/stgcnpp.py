"""ST-GCN++, arXiv 2205.09443: a learned graph, a residual around it, multi-scale temporal convolutions."""

_base_ = './stgcn.py'
model = dict(
    backbone=dict(gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn', graph_cfg=dict(mode='spatial')),
)
