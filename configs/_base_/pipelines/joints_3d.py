"""3D joints of any skeleton, the leaf's ``layout``: clips of 64 frames, one to train and validate, ten to test.

Moved to the origin of the one person, not turned: a skeleton needs no spine.
"""

_base_ = './joints_2d.py'
train_pipeline = [dict(type='PreNormalize3D', align_spine=False), *_base_.train_pipeline[1:]]
val_pipeline = train_pipeline
test_pipeline = [train_pipeline[0], *_base_.test_pipeline[1:]]
