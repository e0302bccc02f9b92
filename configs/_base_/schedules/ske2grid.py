"""Ske2Grid's recipe: PYSKL's for 4 GPUs x 16 clips."""

_base_ = './pyskl.py'
optimizer = dict(lr=0.05)
auto_scale_lr = dict(base_batch_size=64)
