"""DG-STGCN's recipe: PYSKL's, with 150 epochs of the training set without repetition; configs set data.train.times=1.

PYSKL's README states 8 GPUs, as here; the comments in its configs state 4.
"""

_base_ = './pyskl.py'
total_epochs = 150
