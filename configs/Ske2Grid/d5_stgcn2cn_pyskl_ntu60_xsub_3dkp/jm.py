"""Ske2Grid 5x5, NTU60 XSub 3D, joint motion. ICML 2023. 4 GPUs x 16 clips, lr 0.05."""

_base_ = './j.py'
modality = 'jm'
