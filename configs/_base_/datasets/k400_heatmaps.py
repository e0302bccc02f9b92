"""Kinetics-400, 2D joints found by HRNet (17, COCO), by tools/data/k400.py; PYSKL's pickle and kpfiles serve too.

box_thr counts only where valid_ratio is above 0, which leaves out clips with too few sure frames, and unsure boxes.
"""

_base_ = './heatmaps.py'
classes = 'k400'
num_classes = 400
data = dict(
    workers_per_gpu=8,
    train=dict(dataset=dict(ann_file='data/k400/k400_hrnet.pkl', split='train', box_thr=0.5, valid_ratio=0.0)),
    val=dict(ann_file='data/k400/k400_hrnet.pkl', split='val', box_thr=0.5, valid_ratio=0.0),
    test=dict(ann_file='data/k400/k400_hrnet.pkl', split='val', box_thr=0.5, valid_ratio=0.0),
)
