"""Kinetics-400, 2D joints detected by HRNet (17, COCO), written by tools/data/k400.py or PYSKL's pickle with kpfiles.

With valid_ratio above 0, clips with too few confident frames and boxes with scores below box_thr are left out.
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
