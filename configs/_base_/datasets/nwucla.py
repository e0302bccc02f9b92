"""NW-UCLA, 3D joints of the Kinect v1 (20): train on views 1 and 2, test on view 3. Written by tools/data/nwucla.py.

95 clips of view 3 are copies of training clips; ``data.test.split=xview_val_dedup`` leaves them out.
"""

_base_ = './pose.py'
classes = 'nwucla'
num_classes = 10
layout = 'nw-ucla'
num_person = 1
data = dict(
    train=dict(dataset=dict(ann_file='data/nwucla/nwucla.pkl', split='xview_train')),
    val=dict(ann_file='data/nwucla/nwucla.pkl', split='xview_val'),
    test=dict(ann_file='data/nwucla/nwucla.pkl', split='xview_val'),
)
