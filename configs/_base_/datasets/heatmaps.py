"""Clips of an annotation pickle, each ten times an epoch in training: total_epochs=24 are 240 effective epochs.

One sample at a time in testing: its ten clips and their mirror images are a batch by themselves.
"""

_base_ = './pose.py'
data = dict(
    videos_per_gpu=32,
    workers_per_gpu=4,
    test_dataloader=dict(videos_per_gpu=1),
    train=dict(times=10),
)
