"""Ske2Grid 7x7 grown from 6x6, NTU60 XSub 2D, bones. ICML 2023. 4 GPUs x 16 clips, lr 0.05."""

_base_ = './j.py'
modality = 'b'
