"""PYSKL's pipeline on the bundled clips cut to 16 frames and six passes over them: seconds on a CPU."""

_base_ = [
    '../../configs/_base_/datasets/synthetic.py',
    '../../configs/_base_/pipelines/joints_2d.py',
    '../../configs/_base_/schedules/quickstart.py',
    '../../configs/_base_/default_runtime.py',
]
clip_len = 16
test_pipeline = {{_base_.val_pipeline}}
total_epochs = 6
