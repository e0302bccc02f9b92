"""NTU RGB+D 60, cross-subject, 2D joints detected by HRNet (17, COCO); PYSKL's ntu60_hrnet.pkl."""

_base_ = './pose.py'
classes = 'ntu60'
num_classes = 60
layout = 'coco'
num_person = 2
data = dict(
    train=dict(dataset=dict(ann_file='data/nturgbd/ntu60_hrnet.pkl', split='xsub_train')),
    val=dict(ann_file='data/nturgbd/ntu60_hrnet.pkl', split='xsub_val'),
    test=dict(ann_file='data/nturgbd/ntu60_hrnet.pkl', split='xsub_val'),
)
