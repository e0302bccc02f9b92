"""ST-GCN++ on the bundled data, joints. 1 CPU x 16 clips."""

_base_ = [
    '../_base_/models/stgcnpp.py',
    '../_base_/datasets/synthetic.py',
    '../_base_/pipelines/joints_2d.py',
    '../_base_/schedules/quickstart.py',
    '../_base_/default_runtime.py',
]
clip_len = 32
model = dict(
    backbone=dict(base_channels=16),
    cls_head=dict(in_channels=64),
)
log_config = dict(interval=20)
checkpoint_config = dict(max_keep_ckpts=1)
