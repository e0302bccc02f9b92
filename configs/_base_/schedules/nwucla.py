"""PYSKL's recipe for NW-UCLA's 1020 training clips: 1 GPU x 16 clips.

The learning rate is the paper's 0.05 for 64 clips (ST-GCN++: 0.1 for 128), scaled to 16 clips; with 0.05 networks
barely learn here.
"""

_base_ = './pyskl.py'
optimizer = dict(lr=0.0125)
auto_scale_lr = dict(base_batch_size=16)
