"""NTU RGB+D 120, cross-subject, 3D joints of the Kinect (25); PYSKL's ntu120_3danno.pkl."""

_base_ = './pose.py'
classes = 'ntu120'
num_classes = 120
layout = 'nturgb+d'
num_person = 2
data = dict(
    train=dict(dataset=dict(ann_file='data/nturgbd/ntu120_3danno.pkl', split='xsub_train')),
    val=dict(ann_file='data/nturgbd/ntu120_3danno.pkl', split='xsub_val'),
    test=dict(ann_file='data/nturgbd/ntu120_3danno.pkl', split='xsub_val'),
)
