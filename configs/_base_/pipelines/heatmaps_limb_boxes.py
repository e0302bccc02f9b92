"""heatmaps_limb.py for records of boxes, a row a detected person, as Kinetics-400 has them."""

_base_ = './heatmaps_limb.py'
train_pipeline = [dict(type='DecompressPose'), *_base_.train_pipeline]
val_pipeline = [dict(type='DecompressPose'), *_base_.val_pipeline]
test_pipeline = [dict(type='DecompressPose'), *_base_.test_pipeline]
