"""Difference between a network's confidence and accuracy, and the loss of each clip.

``N`` clips, ``K`` classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from pyskl.evaluation.functional import check_pair
from pyskl.reports.confusion import predictions


class Bin(NamedTuple):
    """Clips whose confidence lies in one interval: its limits, number of clips, mean confidence and accuracy."""

    low: float
    high: float
    clips: int
    confidence: float
    accuracy: float


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Return probabilities ``(N, K)``: scores whose rows sum to 1 unchanged, else their softmax."""
    scores = np.asarray(scores, np.float64)
    if (scores >= 0).all() and np.allclose(scores.sum(1), 1, atol=1e-3):
        return scores
    return softmax(scores, axis=1)


def reliability_bins(scores: np.ndarray, labels: Sequence[int], bins: int = 15) -> list[Bin]:
    """Divide clips into intervals of equal width by the confidence of the predicted class; empty ones are omitted.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is out of range.
    """
    scores, labels = check_pair(scores, labels)
    shares = probabilities(scores)
    predicted = predictions(scores)
    confidence = np.take_along_axis(shares, predicted[:, None], 1)[:, 0]
    right = predicted == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for number in np.unique(place).tolist():
        own = place == number
        means = float(confidence[own].mean()), float(right[own].mean())
        found.append(Bin(number / bins, (number + 1) / bins, int(own.sum()), *means))
    return found


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: the mean over clips of ``|confidence - accuracy|`` of their interval.

    Source: Guo, Pleiss, Sun, Weinberger, ICML 2017, https://arxiv.org/abs/1706.04599.
    """
    clips = sum(one.clips for one in bins)
    return sum(one.clips * abs(one.confidence - one.accuracy) for one in bins) / clips


def losses(scores: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Cross-entropy of each clip, ``(N,)``."""
    scores, labels = check_pair(scores, labels)
    shares = np.take_along_axis(probabilities(scores), labels[:, None], 1)[:, 0]
    return -np.log(np.maximum(shares, 1e-12))
