"""PoseC3D with the last three stages of a ResNet-50: Kinetics, and what is fine-tuned from it."""

_base_ = './slowonly_r50_463.py'
model = dict(backbone=dict(stage_blocks=(3, 4, 6)))
