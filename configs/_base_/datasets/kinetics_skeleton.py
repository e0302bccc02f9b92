"""Kinetics-400, 18 joints detected by OpenPose, two persons per frame. Written by tools/data/kinetics_skeleton.py."""

_base_ = './pose.py'
classes = 'k400'
num_classes = 400
layout = 'openpose'
num_person = 2
data = dict(
    videos_per_gpu=64,
    workers_per_gpu=4,
    train=dict(times=1, dataset=dict(ann_file='data/kinetics/kinetics_skeleton.pkl', split='train')),
    val=dict(ann_file='data/kinetics/kinetics_skeleton.pkl', split='val'),
    test=dict(ann_file='data/kinetics/kinetics_skeleton.pkl', split='val'),
)
