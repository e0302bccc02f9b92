"""coco.py without masking: joints of low score keep their place, as in Ske2Grid and in PYSKL before 2023-02."""

_base_ = './coco.py'
train_pipeline = [dict(type='PreNormalize2D', threshold=None), *_base_.train_pipeline[1:]]
val_pipeline = train_pipeline
test_pipeline = [train_pipeline[0], *_base_.test_pipeline[1:]]
