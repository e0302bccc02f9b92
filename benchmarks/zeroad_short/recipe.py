"""PYSKL's pipeline on 0 A.D.'s clips cut to 16 frames and 20 passes over them: a minute on a CPU.

benchmarks/zeroad.py writes the data.
"""

_base_ = [
    '../../configs/_base_/datasets/pose.py',
    '../../configs/_base_/pipelines/joints_3d.py',
    '../../configs/_base_/schedules/quickstart.py',
    '../../configs/_base_/default_runtime.py',
]
layout = 'benchmarks/zeroad_short/skeleton.yaml'
num_classes = 11
num_person = 1
clip_len = 16
classes = [
    'attack melee',
    'attack ranged',
    'death',
    'gallop',
    'idle ready',
    'idle relax',
    'jog',
    'pace',
    'run',
    'trot',
    'walk',
]
test_pipeline = {{_base_.val_pipeline}}  # one clip
data = dict(
    workers_per_gpu=0,
    train=dict(dataset=dict(ann_file='data/zeroad/zeroad.pkl', split='train')),
    val=dict(ann_file='data/zeroad/zeroad.pkl', split='val'),
    test=dict(ann_file='data/zeroad/zeroad.pkl', split='val'),
)
total_epochs = 4
