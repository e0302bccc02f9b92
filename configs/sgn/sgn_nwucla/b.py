"""SGN, NW-UCLA, bones. Ours. 1 GPU x 16 clips."""

_base_ = './j.py'
modality = 'b'
