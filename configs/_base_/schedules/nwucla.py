"""PYSKL's recipe for NW-UCLA's 1020 training clips: 1 GPU x 16 clips."""

_base_ = './pyskl.py'
optimizer = dict(lr=0.05)
auto_scale_lr = dict(base_batch_size=16)
