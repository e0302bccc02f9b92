"""An original config of PYSKL: without bases and without keys of this package."""

import os
from pathlib import Path

from pyskl.engine.config.load import load_config
from pyskl.engine.test import test as run_test
from pyskl.engine.train import train
from tests.engine.test_train import made_clips

CONFIG = """
model = dict(
    type='RecognizerGCN',
    backbone=dict(
        type='STGCN',
        gcn_adaptive='init',
        gcn_with_res=True,
        tcn_type='mstcn',
        graph_cfg=dict(layout='coco', mode='spatial')),
    cls_head=dict(type='GCNHead', num_classes=60, in_channels=256))

dataset_type = 'PoseDataset'
ann_file = 'data/nturgbd/ntu60_hrnet.pkl'
train_pipeline = [
    dict(type='PreNormalize2D'),
    dict(type='GenSkeFeat', dataset='coco', feats=['b']),
    dict(type='UniformSample', clip_len=100),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint'])
]
val_pipeline = [
    dict(type='PreNormalize2D'),
    dict(type='GenSkeFeat', dataset='coco', feats=['b']),
    dict(type='UniformSample', clip_len=100, num_clips=1),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint'])
]
test_pipeline = [
    dict(type='PreNormalize2D'),
    dict(type='GenSkeFeat', dataset='coco', feats=['b']),
    dict(type='UniformSample', clip_len=100, num_clips=10),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint'])
]
data = dict(
    videos_per_gpu=16,
    workers_per_gpu=2,
    test_dataloader=dict(videos_per_gpu=1),
    train=dict(
        type='RepeatDataset',
        times=5,
        dataset=dict(type=dataset_type, ann_file=ann_file, pipeline=train_pipeline, split='xsub_train')),
    val=dict(type=dataset_type, ann_file=ann_file, pipeline=val_pipeline, split='xsub_val'),
    test=dict(type=dataset_type, ann_file=ann_file, pipeline=test_pipeline, split='xsub_val'))

# optimizer
optimizer = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0005, nesterov=True)
optimizer_config = dict(grad_clip=None)
# learning policy
lr_config = dict(policy='CosineAnnealing', min_lr=0, by_epoch=False)
total_epochs = 16
checkpoint_config = dict(interval=1)
evaluation = dict(interval=1, metrics=['top_k_accuracy'])
log_config = dict(interval=100, hooks=[dict(type='TextLoggerHook')])

# runtime settings
log_level = 'INFO'
work_dir = './work_dirs/stgcn++/stgcn++_ntu60_xsub_hrnet/b'
"""

SMALL = {  # short enough for a test
    'total_epochs': 1,
    'data.train.times': 1,
    'data.workers_per_gpu': 0,
    'data.videos_per_gpu': 4,
    'model.backbone.base_channels': 8,
    'model.backbone.num_stages': 3,
    'model.backbone.inflate_stages': [],
    'model.cls_head.in_channels': 8,
}


def test_a_config_of_pyskl_trains_and_tests(tmp_path, monkeypatch):
    monkeypatch.setenv('PYSKL_CACHE', str(tmp_path / 'cache'))
    monkeypatch.chdir(tmp_path)
    os.makedirs('data/nturgbd')
    made_clips(Path('data/nturgbd/ntu60_hrnet.pkl'), splits=('xsub_train', 'xsub_val'))
    Path('b.py').write_text(CONFIG)
    cfg = load_config('b.py', SMALL)
    train(cfg, seed=0)
    assert run_test(load_config('b.py', SMALL), 'work_dirs/stgcn++/stgcn++_ntu60_xsub_hrnet/b/latest.pth').keys() == {
        'top1_acc', 'top5_acc', 'mean_class_accuracy',
    }  # fmt: skip
