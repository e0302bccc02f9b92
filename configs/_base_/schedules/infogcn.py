"""InfoGCN's recipe: 1 GPU x 128 clips, 110 epochs without repetition (configs set data.train.times=1).

Five epochs of warm-up, 0.02 to 0.1 in steps of 0.02; the learning rate is divided by ten at epochs 90 and 100.
"""

_base_ = './pyskl.py'
lr_config = dict(_delete_=True, policy='step', step=[90, 100], warmup='stairs', warmup_iters=5)
total_epochs = 110
