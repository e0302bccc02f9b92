"""A metric: a function of scores and labels."""

import numpy as np

from pyskl.registry import METRICS


@METRICS.register_module()
def mean_confidence(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean score of the true class, ``(N, K)`` scores and ``(N,)`` labels."""
    return float(np.mean(np.asarray(scores)[np.arange(len(labels)), np.asarray(labels, int)]))
