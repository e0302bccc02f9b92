"""SGN, NTU120 XSet 3D, joint motion. Ours. 8 GPUs x 16 clips, lr 0.1."""

_base_ = './j.py'
modality = 'jm'
