"""InfoGCN, NW-UCLA, k = 1: bones. Ours. 1 GPU x 16 clips.

Its noise starts out large, so the rate starts low: five passes over the clips, as published, are one epoch here.
"""

_base_ = [
    '../../_base_/models/infogcn.py',
    '../../_base_/datasets/nwucla.py',
    '../../_base_/pipelines/nwucla.py',
    '../../_base_/schedules/nwucla.py',
    '../../_base_/default_runtime.py',
]
lr_config = dict(warmup='linear', warmup_iters=1, warmup_by_epoch=True, warmup_ratio=0.01)
