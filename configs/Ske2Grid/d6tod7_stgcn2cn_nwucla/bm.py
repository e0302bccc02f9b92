"""Ske2Grid 7x7 grown from 6x6, NW-UCLA, bone motion. Ours. 1 GPU x 16 clips."""

_base_ = './j.py'
modality = 'bm'
