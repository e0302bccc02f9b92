"""CTR-GCN, NW-UCLA, joints, its authors' network and recipe. 1 GPU x 16 clips. Reproduced by others: 93.1 to 93.5.

They pick the best of 65 epochs on the test set; the last checkpoint is a little below.
"""

_base_ = [
    '../../_base_/models/ctrgcn.py',
    '../../_base_/datasets/nwucla.py',
    '../../_base_/pipelines/nwucla_ctrgcn.py',
    '../../_base_/schedules/nwucla_ctrgcn.py',
    '../../_base_/default_runtime.py',
]
model = dict(backbone=dict(variant='original'))
