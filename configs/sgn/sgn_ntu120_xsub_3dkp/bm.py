"""SGN, NTU120 XSub 3D, bone motion. Ours. 8 GPUs x 16 clips, lr 0.1."""

_base_ = './j.py'
modality = 'bm'
