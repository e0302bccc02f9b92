"""The pooled 5x5 grid on the bone motion of NW-UCLA, trained as on the joints."""

_base_ = './d5_lite.py'
modality = 'bm'
