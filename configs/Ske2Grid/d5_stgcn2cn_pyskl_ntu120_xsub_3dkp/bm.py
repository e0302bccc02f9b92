"""Ske2Grid 5x5, NTU120 XSub 3D, bone motion. ICML 2023. 4 GPUs x 16 clips, lr 0.05."""

_base_ = './j.py'
modality = 'bm'
