"""NTU RGB+D 120, cross-subject, 2D joints detected by HRNet (17, COCO); PYSKL's ntu120_hrnet.pkl.

The second half of the classes, new in NTU RGB+D 120, is sampled twice as often in training.
"""

_base_ = './heatmaps.py'
classes = 'ntu120'
num_classes = 120
data = dict(
    train=dict(
        dataset=dict(ann_file='data/nturgbd/ntu120_hrnet.pkl', split='xsub_train', class_prob=[1] * 60 + [2] * 60)
    ),
    val=dict(ann_file='data/nturgbd/ntu120_hrnet.pkl', split='xsub_val'),
    test=dict(ann_file='data/nturgbd/ntu120_hrnet.pkl', split='xsub_val'),
)
