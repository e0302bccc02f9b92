"""heatmaps.py for records of boxes, one row per detected person, as in PYSKL's Kinetics-400."""

_base_ = './heatmaps.py'
train_pipeline = [dict(type='DecompressPose'), *_base_.train_pipeline]
val_pipeline = [dict(type='DecompressPose'), *_base_.val_pipeline]
test_pipeline = [dict(type='DecompressPose'), *_base_.test_pipeline]
