"""Clips of an annotation pickle, each ten times per epoch in training: total_epochs=24 are 240 effective epochs.

In testing the batch size is one sample, whose ten clips and their mirror images form a batch.
"""

_base_ = './pose.py'
data = dict(
    videos_per_gpu=32,
    workers_per_gpu=4,
    test_dataloader=dict(videos_per_gpu=1),
    train=dict(times=10),
)
