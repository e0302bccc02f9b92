"""PoseC3D's recipe: 8 GPUs x 32 clips, a cosine schedule to 0, updated every iteration."""

optimizer = dict(type='SGD', lr=0.4, momentum=0.9, weight_decay=3e-4)
optimizer_config = dict(grad_clip=dict(max_norm=40, norm_type=2))
lr_config = dict(policy='CosineAnnealing', min_lr=0, by_epoch=False)
total_epochs = 24
auto_scale_lr = dict(base_batch_size=256)
