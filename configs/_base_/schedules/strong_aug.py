"""PYSKL's recipe for strong augmentation: 120 effective epochs instead of 80."""

_base_ = './pyskl.py'
total_epochs = 24
