"""FineGYM, 99 classes, 2D joints detected by HRNet (17, COCO); PYSKL's gym_hrnet.pkl."""

_base_ = './heatmaps.py'
classes = 'finegym99'
num_classes = 99
data = dict(
    train=dict(dataset=dict(ann_file='data/gym/gym_hrnet.pkl', split='train')),
    val=dict(ann_file='data/gym/gym_hrnet.pkl', split='val'),
    test=dict(ann_file='data/gym/gym_hrnet.pkl', split='val'),
)
