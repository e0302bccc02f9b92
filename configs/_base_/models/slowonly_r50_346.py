"""PoseC3D with the last three stages of a ResNet-50, for Kinetics and for fine-tuning from it."""

_base_ = './slowonly_r50_463.py'
model = dict(backbone=dict(stage_blocks=(3, 4, 6)))
