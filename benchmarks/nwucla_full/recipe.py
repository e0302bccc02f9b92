"""CTR-GCN's pipeline on NW-UCLA at full width: ten epochs instead of 65 (50 passes over the clips).

One epoch of warm-up, then a cosine from 0.025: the published learning rate of 0.1 is for 65 epochs.
"""

_base_ = [
    '../../configs/_base_/datasets/nwucla.py',
    '../../configs/_base_/pipelines/nwucla_ctrgcn.py',
    '../../configs/_base_/schedules/nwucla.py',
    '../../configs/_base_/default_runtime.py',
]
optimizer = dict(lr=0.025, weight_decay=1e-4)
lr_config = dict(warmup='linear', warmup_iters=1, warmup_by_epoch=True, warmup_ratio=0.1)
total_epochs = 10
