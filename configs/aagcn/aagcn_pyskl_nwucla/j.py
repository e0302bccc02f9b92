"""AAGCN, NW-UCLA, joints. Ours. 1 GPU x 16 clips."""

_base_ = [
    '../../_base_/models/aagcn.py',
    '../../_base_/datasets/nwucla.py',
    '../../_base_/pipelines/nwucla.py',
    '../../_base_/schedules/nwucla.py',
    '../../_base_/default_runtime.py',
]
