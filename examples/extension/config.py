"""Use the components of my_package instead of built-in ones; see README.md."""

custom_imports = dict(
    imports=[
        'my_package.layout',
        'my_package.dataset',
        'my_package.transform',
        'my_package.network',
        'my_package.metric',
        'my_package.hook',
        'my_package.optimizer',
    ]
)
layout = 'stick'
model = dict(
    type='RecognizerGCN',
    backbone=dict(type='JointMLP', graph_cfg=dict()),
    cls_head=dict(type='SpreadHead', num_classes=2, in_channels=16, num_joints=5, loss_cls=dict(type='SquaredLoss')),
)
train_pipeline = [
    dict(type='Shake', pixels=2),
    dict(type='PreNormalize2D'),
    dict(type='GenSkeFeat', feats=['j']),
    dict(type='UniformSample', clip_len=12),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=1),
    dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
    dict(type='ToTensor', keys=['keypoint']),
]
val_pipeline = train_pipeline[1:]
data = dict(
    videos_per_gpu=8,
    workers_per_gpu=0,
    train=dict(type='RepeatDataset', times=4, dataset=dict(type='StickDataset', count=16)),
    val=dict(type='StickDataset', count=8, first_seed=100),
    test=dict(type='StickDataset', count=8, first_seed=100),
)
optimizer = dict(type='SignSGD', lr=0.01)
lr_config = dict(policy='fixed')
total_epochs = 3
evaluation = dict(interval=1, metrics=['top_k_accuracy', 'mean_confidence'], topk=(1,))
custom_hooks = [dict(type='EpochFile')]
