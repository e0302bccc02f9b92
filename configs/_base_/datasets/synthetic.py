"""Synthetic clips with COCO joints: ten actions, split by person. Written by tools/data/synthetic.py."""

_base_ = './pose.py'
classes = 'synthetic'
num_classes = 10
layout = 'coco'
num_person = 1
window = 1.6  # seconds of a clip: 36 to 60 frames at 30 per second
data = dict(
    train=dict(times=1, dataset=dict(ann_file='data/synthetic/coco.pkl', split='xsub_train')),
    val=dict(ann_file='data/synthetic/coco.pkl', split='xsub_val'),
    test=dict(ann_file='data/synthetic/coco.pkl', split='xsub_val'),
)
