"""Ske2Grid 6x6 grown from 5x5, NW-UCLA, joint motion. Ours. 1 GPU x 16 clips."""

_base_ = './j.py'
modality = 'jm'
