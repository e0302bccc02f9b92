"""Bones, and the coordinates of the root in place of its zero bone. Needs PYTHONPATH=. for the transform."""

_base_ = './stgcn.py'
custom_imports = dict(imports=['benchmarks.nwucla_short.root_bone'])
train_pipeline = [
    *_base_.train_pipeline[:3],
    dict(type='RootBone', layout='nw-ucla'),
    *_base_.train_pipeline[4:],
]
val_pipeline = [*_base_.val_pipeline[:2], dict(type='RootBone', layout='nw-ucla'), *_base_.val_pipeline[3:]]
test_pipeline = val_pipeline
