"""ST-GCN's recipe for Kinetics: 4 GPUs x 64 clips, 50 epochs, learning rate divided by ten at epochs 20, 30 and 40."""

optimizer = dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4, nesterov=True)
optimizer_config = dict(grad_clip=None)
lr_config = dict(policy='step', step=[20, 30, 40])
total_epochs = 50
auto_scale_lr = dict(base_batch_size=256)
