"""The published rate in the published shape: 0.1, warm-up over a thirteenth of 638 steps, a tenth from 10/13 on."""

_base_ = './stgcn.py'
optimizer = dict(lr=0.1)
lr_config = dict(
    _delete_=True, policy='step', by_epoch=False, step=[491], warmup='linear', warmup_iters=49, warmup_ratio=0.2
)
