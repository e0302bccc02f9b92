"""HMDB51, split 1, 2D joints detected by HRNet (17, COCO); PYSKL's hmdb51_hrnet.pkl. 16 clips per GPU."""

_base_ = './heatmaps.py'
classes = 'hmdb51'
num_classes = 51
data = dict(
    videos_per_gpu=16,
    train=dict(dataset=dict(ann_file='data/hmdb51/hmdb51_hrnet.pkl', split='train1')),
    val=dict(ann_file='data/hmdb51/hmdb51_hrnet.pkl', split='test1'),
    test=dict(ann_file='data/hmdb51/hmdb51_hrnet.pkl', split='test1'),
)
