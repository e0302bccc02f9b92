"""MS-G3D, NW-UCLA, joints. Ours. 1 GPU x 16 clips."""

_base_ = [
    '../../_base_/models/msg3d.py',
    '../../_base_/datasets/nwucla.py',
    '../../_base_/pipelines/nwucla.py',
    '../../_base_/schedules/nwucla.py',
    '../../_base_/default_runtime.py',
]
