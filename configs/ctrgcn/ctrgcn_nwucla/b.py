"""CTR-GCN, NW-UCLA, bones, its authors' network and recipe. 1 GPU x 16 clips."""

_base_ = './j.py'
modality = 'b'
