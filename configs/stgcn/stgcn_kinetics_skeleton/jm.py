"""ST-GCN, Kinetics-skeleton, joint motion. arXiv 1801.07455. 4 GPUs x 64 clips, lr 0.1. Ours: nothing is published."""

_base_ = './j.py'
modality = 'jm'
