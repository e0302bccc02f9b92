"""NTU RGB+D 120, cross-subject, 2D joints detected by HRNet (17, COCO); PYSKL's ntu120_hrnet.pkl."""

_base_ = './pose.py'
classes = 'ntu120'
num_classes = 120
layout = 'coco'
num_person = 2
data = dict(
    train=dict(dataset=dict(ann_file='data/nturgbd/ntu120_hrnet.pkl', split='xsub_train')),
    val=dict(ann_file='data/nturgbd/ntu120_hrnet.pkl', split='xsub_val'),
    test=dict(ann_file='data/nturgbd/ntu120_hrnet.pkl', split='xsub_val'),
)
