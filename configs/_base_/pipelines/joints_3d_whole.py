"""3D joints, ST-GCN's first recipe: the whole video, padded to 300 frames with zeros."""

_base_ = './joints_3d.py'
clip_len = 300
train_pipeline = [*_base_.train_pipeline[:2], dict(type='PadTo', mode='zero'), *_base_.train_pipeline[3:]]
val_pipeline = train_pipeline
test_pipeline = train_pipeline
