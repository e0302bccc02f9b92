"""PYSKL's recipe: 8 GPUs x 16 clips, a cosine schedule to 0, updated every iteration."""

optimizer = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
optimizer_config = dict(grad_clip=None)
lr_config = dict(policy='CosineAnnealing', min_lr=0, by_epoch=False)
total_epochs = 16
auto_scale_lr = dict(base_batch_size=128)
