"""SGN, NTU60 XSub 3D, bones. Ours. 8 GPUs x 16 clips, lr 0.1."""

_base_ = './j.py'
modality = 'b'
