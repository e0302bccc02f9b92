"""ST-GCN's first recipe in PYSKL: 8 GPUs x 16 clips, the learning rate is divided by ten at epochs 2 and 10."""

optimizer = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=False)
optimizer_config = dict(grad_clip=None)
lr_config = dict(policy='step', step=[2, 10])
total_epochs = 16
auto_scale_lr = dict(base_batch_size=128)
