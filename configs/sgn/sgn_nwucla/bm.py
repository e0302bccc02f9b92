"""SGN, NW-UCLA, bone motion. Ours. 1 GPU x 16 clips."""

_base_ = './j.py'
modality = 'bm'
