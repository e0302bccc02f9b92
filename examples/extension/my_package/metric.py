"""A metric: a function of scores and labels."""

import numpy as np

from pyskl.registry import METRICS


@METRICS.register_module()
def mean_confidence(scores: np.ndarray, labels: np.ndarray) -> float:
    """``(N, K)`` scores, ``(N,)`` labels -> the mean score of the right class."""
    return float(np.mean(np.asarray(scores)[np.arange(len(labels)), np.asarray(labels, int)]))
