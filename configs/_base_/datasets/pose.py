"""Clips of an annotation pickle, each five times per epoch in training: total_epochs=16 are 80 effective epochs."""

data = dict(
    videos_per_gpu=16,
    workers_per_gpu=2,
    train=dict(type='RepeatDataset', times=5, dataset=dict(type='PoseDataset')),
    val=dict(type='PoseDataset'),
    test=dict(type='PoseDataset'),
)
