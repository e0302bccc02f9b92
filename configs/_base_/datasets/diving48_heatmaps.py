"""Diving48, 2D joints detected by HRNet (17, COCO); PYSKL's diving48_hrnet.pkl."""

_base_ = './heatmaps.py'
classes = 'diving48'
num_classes = 48
data = dict(
    train=dict(dataset=dict(ann_file='data/diving48/diving48_hrnet.pkl', split='train')),
    val=dict(ann_file='data/diving48/diving48_hrnet.pkl', split='test'),
    test=dict(ann_file='data/diving48/diving48_hrnet.pkl', split='test'),
)
