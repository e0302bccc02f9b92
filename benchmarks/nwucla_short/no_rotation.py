"""Not rotated."""

_base_ = './stgcn.py'
train_pipeline = _base_.train_pipeline[1:]
