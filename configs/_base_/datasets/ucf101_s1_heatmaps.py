"""UCF101, split 1, 2D joints detected by HRNet (17, COCO); PYSKL's ucf101_hrnet.pkl. 16 clips per GPU."""

_base_ = './heatmaps.py'
classes = 'ucf101'
num_classes = 101
data = dict(
    videos_per_gpu=16,
    train=dict(dataset=dict(ann_file='data/ucf101/ucf101_hrnet.pkl', split='train1')),
    val=dict(ann_file='data/ucf101/ucf101_hrnet.pkl', split='test1'),
    test=dict(ann_file='data/ucf101/ucf101_hrnet.pkl', split='test1'),
)
