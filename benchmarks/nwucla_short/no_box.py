"""Metres from the spine in the first frame, no box."""

_base_ = './stgcn.py'
train_pipeline = [
    dict(type='PreNormalize3D', align_spine=False, dataset='nw-ucla'),
    _base_.train_pipeline[0],
    *_base_.train_pipeline[2:],
]
val_pipeline = [train_pipeline[0], *_base_.val_pipeline[1:]]
test_pipeline = val_pipeline
