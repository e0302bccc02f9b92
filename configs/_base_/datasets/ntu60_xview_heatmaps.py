"""NTU RGB+D 60, cross-view, 2D joints detected by HRNet (17, COCO); PYSKL's ntu60_hrnet.pkl."""

_base_ = './heatmaps.py'
classes = 'ntu60'
num_classes = 60
data = dict(
    train=dict(dataset=dict(ann_file='data/nturgbd/ntu60_hrnet.pkl', split='xview_train')),
    val=dict(ann_file='data/nturgbd/ntu60_hrnet.pkl', split='xview_val'),
    test=dict(ann_file='data/nturgbd/ntu60_hrnet.pkl', split='xview_val'),
)
