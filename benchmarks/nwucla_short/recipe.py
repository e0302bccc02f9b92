"""CTR-GCN's pipeline of NW-UCLA cut to 16 frames and 10 passes over the clips: minutes on a CPU."""

_base_ = [
    '../../configs/_base_/datasets/nwucla.py',
    '../../configs/_base_/pipelines/nwucla_ctrgcn.py',
    '../../configs/_base_/schedules/nwucla.py',
    '../../configs/_base_/default_runtime.py',
]
clip_len = 16
optimizer = dict(lr=0.05)
total_epochs = 2
