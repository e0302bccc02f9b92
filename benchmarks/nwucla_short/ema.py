"""The weights averaged over about the last hundred steps."""

_base_ = './stgcn.py'
custom_hooks = [dict(type='EMAHook', momentum=0.01)]
