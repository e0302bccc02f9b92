"""Ske2Grid 5x5 pooled to 3x3 and 2x2, NW-UCLA, bone motion. Ours. 1 GPU x 16 clips."""

_base_ = './j.py'
modality = 'bm'
