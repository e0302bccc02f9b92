"""Confusion of classes, and confidence intervals of their accuracies.

``N`` clips, ``K`` classes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pyskl.evaluation.functional import check_pair


class ClassRow(NamedTuple):
    """Test results of one class.

    Args:
        label: Index of the class.
        clips: Number of its clips.
        hits: Number of correct predictions.
        low: Lower end of the 95 % Wilson interval of the accuracy.
        high: Upper end.
        rival: The most frequent wrong prediction; None if there is none.
    """

    label: int
    clips: int
    hits: int
    low: float
    high: float
    rival: int | None

    @property
    def accuracy(self) -> float:
        """Fraction of the class's clips that are predicted correctly."""
        return self.hits / self.clips


class Pair(NamedTuple):
    """Clips of class ``label`` predicted as ``predicted``: their number and their fraction of the class."""

    label: int
    predicted: int
    count: int
    share: float


def predictions(scores: np.ndarray) -> np.ndarray:
    """Predict the class with the highest score, ``(N, K) -> (N,)``; ties go to the higher index, as in the metrics."""
    return scores.shape[1] - 1 - np.argmax(scores[:, ::-1], axis=1)


def confusion_counts(scores: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Count the clips of each label and prediction: ``(K, K)`` int64, ``[label, predicted]``.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is out of range.
    """
    scores, labels = check_pair(scores, labels)
    counts = np.zeros((scores.shape[1],) * 2, np.int64)
    np.add.at(counts, (labels, predictions(scores)), 1)
    return counts


def wilson_interval(hits: int, clips: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval ``(low, high)`` of a proportion, 95 % by default; ``(0, 1)`` without clips.

    Source: Wilson, Journal of the American Statistical Association 22 (1927).
    """
    if clips == 0:
        return 0.0, 1.0
    share, z2 = hits / clips, z * z
    middle = (share + z2 / (2 * clips)) / (1 + z2 / clips)
    half = z * np.sqrt(share * (1 - share) / clips + z2 / (4 * clips * clips)) / (1 + z2 / clips)
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


def class_rows(counts: np.ndarray) -> list[ClassRow]:
    """Build one row per class that has clips, in the order of the labels."""
    rows = []
    for label in np.flatnonzero(counts.sum(1)).tolist():
        clips, hits = int(counts[label].sum()), int(counts[label, label])
        wrong = counts[label].copy()
        wrong[label] = 0
        rival = int(wrong.argmax()) if wrong.any() else None
        rows.append(ClassRow(label, clips, hits, *wilson_interval(hits, clips), rival))
    return rows


def confused_pairs(counts: np.ndarray, most: int = 10) -> list[Pair]:
    """Return the ``most`` frequent confusions, sorted by fraction of the class, then by number."""
    totals = counts.sum(1)
    wrong = [
        Pair(label, predicted, int(counts[label, predicted]), float(counts[label, predicted] / totals[label]))
        for label, predicted in zip(*np.nonzero(counts - np.diag(np.diag(counts))), strict=True)
    ]
    wrong.sort(key=lambda pair: (-pair.share, -pair.count, pair.label, pair.predicted))
    return [Pair(int(label), int(predicted), *rest) for label, predicted, *rest in wrong[:most]]


def similar_order(counts: np.ndarray) -> list[int]:
    """Order the classes so that those often confused are adjacent.

    Greedy: start with the most confused class, then append the class most confused with the last three.
    """
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    near = shares + shares.T
    np.fill_diagonal(near, 0)
    left = set(range(len(counts)))
    order: list[int] = []
    while left:
        if order:
            last = near[order[-3:]].sum(0)
            best = max(sorted(left), key=lambda label: last[label])
            if last[best] == 0:
                best = max(sorted(left), key=lambda label: near[label].sum())
        else:
            best = max(sorted(left), key=lambda label: near[label].sum())
        order.append(best)
        left.remove(best)
    return order
