"""Classification metrics in numpy.

``N`` samples, ``K`` classes. Scores may be probabilities or logits: only their order matters.
Ties: of equal scores the higher class index ranks first, as in a stable ascending sort read in reverse.
"""

from collections.abc import Sequence

import numpy as np


def check_scores(scores: np.ndarray) -> np.ndarray:
    """Convert scores to a float array ``(N, K)``; half precision becomes single.

    Raises:
        ValueError: If there is no sample or class, the rows differ in length, or a score is NaN.
    """
    try:
        scores = np.asarray(scores, dtype=np.float64)
    except ValueError:
        raise ValueError('scores must be (N, K), got rows of different length or values that are not numbers') from None
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f'scores must be (N, K) with at least one sample and one class, got {scores.shape}')
    bad = np.isnan(scores).any(axis=1)
    if bad.any():
        raise ValueError(f'scores of {bad.sum()} of {len(scores)} samples are NaN, the first is sample {bad.argmax()}')
    return scores


def _check_integers(name: str, labels: Sequence[int]) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or not labels.size:
        raise ValueError(f'{name} must be (N,) with at least one sample, got {labels.shape}')
    if labels.dtype.kind not in 'iu':
        raise ValueError(f'{name} must be integers, got {labels.dtype}')
    return labels.astype(np.int64)


def check_pair(scores: np.ndarray, labels: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Convert scores and labels to arrays ``(N, K)`` and ``(N,)``.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is out of range.
    """
    scores, labels = check_scores(scores), _check_integers('labels', labels)
    if len(scores) != len(labels):
        raise ValueError(f'{len(scores)} scores but {len(labels)} labels')
    outside = (labels < 0) | (labels >= scores.shape[1])
    if outside.any():
        raise ValueError(f'labels must be 0 to {scores.shape[1] - 1}, got {labels[outside][0]}')
    return scores, labels


def _ranking(scores: np.ndarray) -> np.ndarray:
    """Rank the classes of each sample: ``(N, K)`` indices, best first; of equal scores the higher index first."""
    return np.argsort(scores, axis=1, kind='stable')[:, ::-1]


def top_k_accuracy(scores: np.ndarray, labels: Sequence[int], topk: Sequence[int] = (1,)) -> list[float]:
    """Compute top-k accuracy: the fraction of samples whose label is among the ``k`` best scores, for each ``k``.

    Args:
        scores: ``(N, K)``.
        labels: ``(N,)``, 0 to K - 1.
        topk: Each at least 1; a ``k`` larger than K counts as K.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label or ``k`` is out of range.
    """
    scores, labels = check_pair(scores, labels)
    topk = (topk,) if isinstance(topk, int) else tuple(topk)
    if any(k < 1 for k in topk):
        raise ValueError(f'topk must be at least 1, got {topk}')
    hits = _ranking(scores) == labels[:, None]  # (N, K), one True per row
    return [float(hits[:, :k].any(axis=1).mean()) for k in topk]


def _hits_and_counts(scores: np.ndarray, labels: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count per class, ``(K,)`` each: correct predictions, samples of the class, predictions of the class."""
    scores, labels = check_pair(scores, labels)
    num_classes = scores.shape[1]
    predicted = _ranking(scores)[:, 0]
    hits = np.bincount(labels[predicted == labels], minlength=num_classes)
    return hits, np.bincount(labels, minlength=num_classes), np.bincount(predicted, minlength=num_classes)


def mean_class_accuracy(scores: np.ndarray, labels: Sequence[int], occurring_only: bool = False) -> float:
    """Top-1 accuracy of each class, averaged over the classes that occur in the labels or the predictions.

    A class that is predicted but has no sample counts as 0, as in the published results of PYSKL and MMAction2.

    Args:
        scores: ``(N, K)``.
        labels: ``(N,)``, 0 to K - 1.
        occurring_only: Average only over the classes that occur in the labels; no difference if every class does.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is out of range.
    """
    hits, count, predicted = _hits_and_counts(scores, labels)
    averaged = count > 0 if occurring_only else (count > 0) | (predicted > 0)
    return float(np.mean(hits[averaged] / np.maximum(count[averaged], 1)))


def per_class_accuracy(scores: np.ndarray, labels: Sequence[int]) -> np.ndarray:
    """Compute the top-1 accuracy (recall) of each class, ``(K,)``; NaN for a class without samples.

    Args:
        scores: ``(N, K)``.
        labels: ``(N,)``, 0 to K - 1.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is out of range.
    """
    hits, count, _ = _hits_and_counts(scores, labels)
    return np.where(count > 0, hits / np.maximum(count, 1), np.nan)


def cross_entropy(scores: np.ndarray, labels: Sequence[int]) -> float:
    """Compute the cross-entropy: the mean of ``-log p[label]``, in nats.

    Args:
        scores: ``(N, K)``: probabilities ``p``, or logits, whose softmax is ``p``.
        labels: ``(N,)``, 0 to K - 1.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is out of range.
    """
    scores, labels = check_pair(scores, labels)
    if not are_probabilities(scores):
        scores = softmax(scores)
    chosen = scores[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean())


def are_probabilities(scores: np.ndarray) -> bool:
    """Whether the rows of ``(N, K)`` are non-negative and sum to 1, up to the rounding error of half precision."""
    return bool((scores >= 0).all() and (np.abs(scores.sum(1) - 1) < 1e-2).all())


def softmax(scores: np.ndarray) -> np.ndarray:
    """``(N, K)`` logits -> probabilities."""
    raised = np.exp(scores - scores.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def confusion_matrix(
    predicted: Sequence[int], labels: Sequence[int], normalize: str | None = None, num_classes: int | None = None
) -> np.ndarray:
    """Compute the confusion matrix ``(L, L)``; rows are labels, columns predictions.

    Args:
        predicted: ``(N,)`` integers.
        labels: ``(N,)`` integers.
        num_classes: ``L``, classes 0 to L - 1; by default the sorted classes that occur in either list.
        normalize: None (int64 counts), 'true' (rows sum to 1), 'pred' (columns do) or 'all'. 0 / 0 is 0.

    Raises:
        ValueError: If a list is empty or not of integers, lengths differ, or ``normalize`` is unknown.
    """
    if normalize not in (None, 'true', 'pred', 'all'):
        raise ValueError(f"normalize must be None, 'true', 'pred' or 'all', got {normalize!r}")
    predicted, labels = _check_integers('predicted', predicted), _check_integers('labels', labels)
    if len(predicted) != len(labels):
        raise ValueError(f'{len(predicted)} predictions but {len(labels)} labels')
    both = np.concatenate([labels, predicted])
    if num_classes is None:
        classes, both = np.unique(both, return_inverse=True)
        num_classes = len(classes)
    elif both.min() < 0 or both.max() >= num_classes:
        raise ValueError(f'classes must be 0 to {num_classes - 1}, got {both.min()} to {both.max()}')
    row, column = both.reshape(2, -1)
    matrix = np.bincount(row * num_classes + column, minlength=num_classes**2).reshape(num_classes, -1)
    if normalize is None:
        return matrix
    total = matrix.sum(axis={'true': 1, 'pred': 0, 'all': None}[normalize], keepdims=True)
    return matrix / np.maximum(total, 1)


def _average_precision(score: np.ndarray, positive: np.ndarray) -> float:
    """Average precision: the sum over distinct scores, best first, of (recall gained) x precision; inputs ``(N,)``."""
    order = np.argsort(-score, kind='stable')
    score, positive = score[order], positive[order]
    last_of_tie = np.append(score[1:] != score[:-1], True)
    found = np.cumsum(positive)[last_of_tie]
    precision = found / (np.flatnonzero(last_of_tie) + 1)
    return float(np.sum(np.diff(found, prepend=0) * precision) / positive.sum())


def mean_average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Compute mean average precision over the classes that have a positive sample; NaN if none has.

    Args:
        scores: ``(N, K)``.
        labels: ``(N, K)``, 1 where the sample is of the class, else 0.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is neither 0 nor 1.
    """
    scores, labels = check_scores(scores), np.asarray(labels)
    if labels.shape != scores.shape:
        raise ValueError(f'labels must be (N, K) = {scores.shape}, 0 or 1 each, got {labels.shape}')
    if not np.isin(labels, (0, 1)).all():
        raise ValueError('labels must be 0 or 1 each')
    present = np.flatnonzero(labels.any(axis=0))
    if not len(present):
        return float('nan')
    return float(np.mean([_average_precision(scores[:, k], labels[:, k]) for k in present]))
