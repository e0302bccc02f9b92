"""PYSKL's recipe for strong augmentation: half as long again, 120 effective epochs."""

_base_ = './pyskl.py'
total_epochs = 24
