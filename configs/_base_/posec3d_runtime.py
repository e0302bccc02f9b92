"""default_runtime.py with the mean over classes beside top-1, and a log line every 20 iterations."""

_base_ = './default_runtime.py'
evaluation = dict(metrics=['top_k_accuracy', 'mean_class_accuracy'])
log_config = dict(interval=20)
