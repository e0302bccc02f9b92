"""Fusion of the scores of several networks on the same clips. N clips, K classes, F files."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyskl.evaluation.functional import are_probabilities, mean_class_accuracy, softmax, top_k_accuracy

STEPS = np.linspace(0, 2, 21)  # candidate weights of the search


@dataclass(frozen=True)
class Predictions:
    """Scores of one network.

    Args:
        source: The path of the file, for error messages.
        names: ``frame_dir`` of each clip, or None if the file has no names.
        labels: ``(N,)`` int64.
        scores: ``(N, K)`` float64, probabilities or logits.
    """

    source: str
    names: tuple[str, ...] | None
    labels: np.ndarray
    scores: np.ndarray

    def take(self, order: Sequence[int]) -> 'Predictions':
        """Select clips by position, in the given order."""
        order = np.asarray(order, dtype=np.int64)
        names = None if self.names is None else tuple(self.names[i] for i in order)
        return Predictions(self.source, names, self.labels[order], self.scores[order])


def _positions(predictions: Predictions) -> dict[str, int]:
    positions = {}
    for i, name in enumerate(predictions.names):
        if name in positions:
            raise ValueError(f'{predictions.source}: clip {name!r} occurs twice, as number {positions[name]} and {i}')
        positions[name] = i
    return positions


def align(files: Sequence[Predictions]) -> list[Predictions]:
    """Reorder all files like the first: match clips by name if both have names, else by position.

    Raises:
        ValueError: If two files differ in clips, labels or classes; the message names the first difference.
    """
    first = files[0]
    aligned = [first]
    where = _positions(first) if first.names is not None else {}
    for other in files[1:]:
        if first.names is not None and other.names is not None:
            there = _positions(other)
            for one, two, known in ((first, other, there), (other, first, where)):
                missing = next((name for name in one.names if name not in known), None)
                if missing is not None:
                    raise ValueError(f'{two.source} has no clip {missing!r}, which {one.source} has')
            other = other.take([there[name] for name in first.names])
        if len(first.labels) != len(other.labels):
            raise ValueError(
                f'{first.source} has {len(first.labels)} clips, but {other.source} has {len(other.labels)}; they must '
                f'be scores of the same clips'
            )
        unlike = np.flatnonzero(first.labels != other.labels)
        if len(unlike):
            i = unlike[0]
            clip = f'clip {first.names[i]!r}' if first.names is not None else f'clip number {i}'
            raise ValueError(
                f'{clip} has class {first.labels[i]} in {first.source}, but {other.labels[i]} in {other.source}'
            )
        if first.scores.shape[1] != other.scores.shape[1]:
            raise ValueError(
                f'{first.source} has {first.scores.shape[1]} classes, but {other.source} has {other.scores.shape[1]}'
            )
        aligned.append(other)
    return aligned


def comparable(files: Sequence[Predictions], to_probabilities: bool = False) -> list[np.ndarray]:
    """Make scores comparable: all probabilities or all logits.

    Args:
        files: The files returned by :func:`align`.
        to_probabilities: Apply softmax to the scores that are logits.

    Raises:
        ValueError: If some hold probabilities and some do not, and ``to_probabilities`` is not set.
    """
    kinds = [are_probabilities(file.scores) for file in files]
    if to_probabilities:
        return [file.scores if kind else softmax(file.scores) for file, kind in zip(files, kinds, strict=True)]
    if len(set(kinds)) > 1:
        yes, no = (files[kinds.index(kind)].source for kind in (True, False))
        raise ValueError(f'{yes} contains probabilities, but {no} does not; --softmax converts both to probabilities')
    return [file.scores for file in files]


def check_weights(weights: Sequence[float] | None, count: int) -> np.ndarray:
    """Convert weights to ``(F,)`` float64; all one by default.

    Raises:
        ValueError: If their number differs from that of the files, one is not a finite number, or all are zero.
    """
    weights = np.ones(count) if weights is None else np.asarray(weights, np.float64)
    if weights.shape != (count,):
        raise ValueError(f'--weights must be one number per file, got {weights.size} weights for {count} files')
    if not np.isfinite(weights).all() or not weights.any():
        raise ValueError(f'--weights must be finite numbers, not all zero, got {weights.tolist()}')
    return weights


def fuse(scores: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
    """Return the weighted sum of F arrays ``(N, K)``."""
    return np.tensordot(check_weights(weights, len(scores)), np.stack(scores), 1)


def measure(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Compute ``top1``, ``top5`` and ``mean_class`` as fractions; ``top5`` only for more than five classes."""
    topk = (1, 5) if scores.shape[1] > 5 else (1,)
    found = {f'top{k}': value for k, value in zip(topk, top_k_accuracy(scores, labels, topk), strict=True)}
    return {**found, 'mean_class': mean_class_accuracy(scores, labels)}


def check_apart(searched: Predictions, reported: Predictions) -> None:
    """Check that weights are not searched on clips that the result is reported on.

    Raises:
        ValueError: If they share a clip, or the files have no names to check.
    """
    for file in (searched, reported):
        if file.names is None:
            raise ValueError(f'{file.source} has no clip names, so overlap of --search and --preds cannot be checked')
    shared = set(searched.names) & set(reported.names)
    if shared:
        raise ValueError(
            f'--search and --preds share {len(shared)} clips, the first is {min(shared)!r}; '
            'search the weights on a different split from the reported one'
        )


def search_weights(scores: Sequence[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Search weights ``(F,)`` for the best top-1: coordinate ascent from all ones."""
    weights = np.ones(len(scores))
    best = top_k_accuracy(fuse(scores, weights), labels)[0]
    improved = True
    while improved:
        improved = False
        for i in range(len(scores)):
            for step in STEPS:
                trial = weights.copy()
                trial[i] = step
                if not trial.any():
                    continue
                top1 = top_k_accuracy(fuse(scores, trial), labels)[0]
                if top1 > best:
                    weights, best, improved = trial, top1, True
    return weights
