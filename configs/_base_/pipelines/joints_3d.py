"""3D joints, PYSKL's recipe: clips of 100 frames, one to train and validate, ten to test. For any skeleton.

The first person's first frame moves to the origin, spine and shoulders are aligned with the axes; for a skeleton
without a spine set ``transform_defaults = dict(PreNormalize3D=dict(align_spine=False))``.
"""

_base_ = './joints_2d.py'
train_pipeline = [dict(type='PreNormalize3D'), *_base_.train_pipeline[1:]]
val_pipeline = train_pipeline
test_pipeline = [train_pipeline[0], *_base_.test_pipeline[1:]]
