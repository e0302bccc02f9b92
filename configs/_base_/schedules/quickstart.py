"""PYSKL's recipe, shortened to minutes on a CPU: 1 x 16 clips."""

_base_ = './pyskl.py'
optimizer = dict(lr=0.05)
auto_scale_lr = dict(base_batch_size=16)
