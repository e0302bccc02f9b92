"""Comparison of two networks on the same clips: McNemar's test, and differences per class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from pyskl.reports.confusion import predictions


@dataclass(frozen=True)
class Comparison:
    """Results of two networks, A and B, on the same clips.

    Args:
        clips: Number of clips.
        both: Clips that both classify correctly.
        only_a: Clips that only A classifies correctly.
        only_b: Clips that only B classifies correctly.
        p_value: p-value of McNemar's exact test: the probability of a split of ``only_a`` and ``only_b`` at least as
            uneven if both networks are equally good.
        classes: ``(label, clips, hits of A, hits of B)`` of each class on which they differ, largest difference first.
    """

    clips: int
    both: int
    only_a: int
    only_b: int
    p_value: float
    classes: tuple[tuple[int, int, int, int], ...]

    def verdict(self, name_a: str, name_b: str) -> str:
        """Return the result in words, at a significance level of 5 %."""
        if self.p_value >= 0.05:
            return f'no significant difference on these {self.clips} clips (p = {self.p_value:.2g})'
        return f'{name_a if self.only_a > self.only_b else name_b} is better (p = {self.p_value:.2g})'


def compare(scores_a: np.ndarray, scores_b: np.ndarray, labels: Sequence[int]) -> Comparison:
    """Compare two networks by the clips that each classifies correctly.

    Source: McNemar, Psychometrika 12 (1947), in its exact form: a binomial test.

    Args:
        scores_a: ``(N, K)``.
        scores_b: ``(N, K)``, of the same clips in the same order.
        labels: ``(N,)``.

    Raises:
        ValueError: If the numbers of clips differ.
    """
    labels = np.asarray(labels)
    if not len(scores_a) == len(scores_b) == len(labels):
        raise ValueError(f'cannot compare {len(scores_a)} and {len(scores_b)} scores for {len(labels)} clips')
    right_a, right_b = predictions(scores_a) == labels, predictions(scores_b) == labels
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    p_value = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    rows = []
    for label in np.unique(labels).tolist():
        own = labels == label
        hits_a, hits_b = int(right_a[own].sum()), int(right_b[own].sum())
        if hits_a != hits_b:
            rows.append((label, int(own.sum()), hits_a, hits_b))
    rows.sort(key=lambda row: (-abs(row[2] - row[3]) / row[1], row[0]))
    return Comparison(len(labels), int((right_a & right_b).sum()), only_a, only_b, p_value, tuple(rows))
