"""CTR-GCN's recipe for NW-UCLA: 1 GPU x 16 clips, 65 epochs of the set repeated five times.

Five epochs of warm-up, 0.02 to 0.1 in steps of 0.02; the learning rate is divided by ten at epoch 50.
"""

_base_ = './pyskl.py'
optimizer = dict(weight_decay=1e-4)
lr_config = dict(_delete_=True, policy='step', step=[50], warmup='stairs', warmup_iters=5)
total_epochs = 65
auto_scale_lr = dict(base_batch_size=16)
