"""NTU RGB+D 60, cross-subject, 3D joints of the Kinect (25); PYSKL's ntu60_3danno.pkl."""

_base_ = './pose.py'
classes = 'ntu60'
num_classes = 60
layout = 'nturgb+d'
num_person = 2
data = dict(
    train=dict(dataset=dict(ann_file='data/nturgbd/ntu60_3danno.pkl', split='xsub_train')),
    val=dict(ann_file='data/nturgbd/ntu60_3danno.pkl', split='xsub_val'),
    test=dict(ann_file='data/nturgbd/ntu60_3danno.pkl', split='xsub_val'),
)
