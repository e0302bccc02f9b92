"""Fine-tuning from PoseC3D's joint network of Kinetics-400: 8 GPUs x 16 clips, learning rate divided by ten twice."""

_base_ = './posec3d.py'
optimizer = dict(lr=0.01)
lr_config = dict(_delete_=True, policy='step', step=[9, 11])
total_epochs = 12
auto_scale_lr = dict(base_batch_size=128)
load_from = 'https://download.openmmlab.com/mmaction/skeleton/posec3d/k400_posec3d-041f49c6.pth'
load_from_ignore = 'cls_head'
