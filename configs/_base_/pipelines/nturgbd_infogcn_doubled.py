"""3D joints of NTU RGB+D 120, InfoGCN's recipe: nturgbd_infogcn.py, and a person who is alone stands there twice."""

_base_ = './nturgbd_infogcn.py'
train_pipeline = [*_base_.train_pipeline[:5], dict(type='FormatGCNInput', mode='loop'), *_base_.train_pipeline[6:]]
val_pipeline = [*_base_.val_pipeline[:4], *train_pipeline[5:]]
test_pipeline = val_pipeline  # one clip
