"""heatmaps.py with smaller images, to fine-tune: 48 x 48 pixels to train, 56 x 56 to validate and test."""

_base_ = './heatmaps.py'
train_pipeline = [
    *_base_.train_pipeline[:5],
    dict(type='Resize', scale=(48, 48), keep_ratio=False),
    *_base_.train_pipeline[6:],
]
val_pipeline = [
    *_base_.val_pipeline[:3],
    dict(type='Resize', scale=(56, 56), keep_ratio=False),
    *_base_.val_pipeline[4:],
]
test_pipeline = [*_base_.test_pipeline[:3], val_pipeline[3], *_base_.test_pipeline[4:]]
