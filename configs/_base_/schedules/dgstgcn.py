"""DG-STGCN's recipe: PYSKL's for 150 epochs of the training set as it is, so that a leaf sets data.train.times=1.

PYSKL's README says 8 GPUs, as here; the comment in its files says 4.
"""

_base_ = './pyskl.py'
total_epochs = 150
