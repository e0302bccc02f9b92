"""default_runtime.py with mean class accuracy in addition to top-1, and a log line every 20 iterations."""

_base_ = './default_runtime.py'
evaluation = dict(metrics=['top_k_accuracy', 'mean_class_accuracy'])
log_config = dict(interval=20)
