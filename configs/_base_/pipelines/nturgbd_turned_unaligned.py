"""3D joints of NTU RGB+D, DG-STGCN's recipe: nturgbd_turned.py with the spine as filmed, turned by up to 0.2."""

_base_ = './nturgbd_turned.py'
train_pipeline = [
    dict(type='PreNormalize3D', align_spine=False),
    dict(type='RandomRot', theta=0.2),
    *_base_.train_pipeline[2:],
]
val_pipeline = [train_pipeline[0], *_base_.val_pipeline[1:]]
test_pipeline = [train_pipeline[0], *_base_.test_pipeline[1:]]
