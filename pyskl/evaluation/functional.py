"""Metrics of scores against labels, in numpy alone.

``N`` samples, ``K`` classes. Scores may be probabilities or raw scores: only their order counts.
Ties: of equal scores the higher class index ranks first, as in a stable ascending sort read from its end.
"""

from collections.abc import Sequence

import numpy as np


def _check_scores(scores: np.ndarray) -> np.ndarray:
    """Scores as a float array ``(N, K)``, half precision widened.

    Raises:
        ValueError: If there is no sample or class, the rows differ in length, or a score is NaN.
    """
    try:
        scores = np.asarray(scores, dtype=np.float64)
    except ValueError:
        raise ValueError('scores must be (N, K), got rows of unequal length or no numbers') from None
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


def _check_pair(scores: np.ndarray, labels: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    scores, labels = _check_scores(scores), _check_integers('labels', labels)
    if len(scores) != len(labels):
        raise ValueError(f'{len(scores)} scores but {len(labels)} labels')
    outside = (labels < 0) | (labels >= scores.shape[1])
    if outside.any():
        raise ValueError(f'labels must be 0 to {scores.shape[1] - 1}, got {labels[outside][0]}')
    return scores, labels


def _ranking(scores: np.ndarray) -> np.ndarray:
    """``(N, K)`` class indices, best first; equal scores: the higher index first."""
    return np.argsort(scores, axis=1, kind='stable')[:, ::-1]


def top_k_accuracy(scores: np.ndarray, labels: Sequence[int], topk: Sequence[int] = (1,)) -> list[float]:
    """The fraction of samples whose label is among the ``k`` best scores, for each ``k``.

    Args:
        scores: ``(N, K)``.
        labels: ``(N,)``, 0 to K - 1.
        topk: Each at least 1; a ``k`` over K counts as K.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label or ``k`` is out of range.
    """
    scores, labels = _check_pair(scores, labels)
    topk = (topk,) if isinstance(topk, int) else tuple(topk)
    if any(k < 1 for k in topk):
        raise ValueError(f'topk must be at least 1, got {topk}')
    hits = _ranking(scores) == labels[:, None]  # (N, K), one True a row
    return [float(hits[:, :k].any(axis=1).mean()) for k in topk]


def mean_class_accuracy(scores: np.ndarray, labels: Sequence[int], legacy: bool = False) -> float:
    """Top-1 accuracy of each class, averaged over the classes that occur in ``labels``.

    Args:
        scores: ``(N, K)``.
        labels: ``(N,)``, 0 to K - 1.
        legacy: Average over the classes that occur in the labels or the predictions, a class without samples counting
            0, as PYSKL does. The same number whenever every class occurs in the labels.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is out of range.
    """
    scores, labels = _check_pair(scores, labels)
    num_classes = scores.shape[1]
    predicted = _ranking(scores)[:, 0]
    count = np.bincount(labels, minlength=num_classes)
    hits = np.bincount(labels[predicted == labels], minlength=num_classes)
    averaged = count > 0
    if legacy:
        averaged |= np.bincount(predicted, minlength=num_classes) > 0
    return float(np.mean(hits[averaged] / np.maximum(count[averaged], 1)))


def confusion_matrix(predicted: Sequence[int], labels: Sequence[int], normalize: str | None = None) -> np.ndarray:
    """``(L, L)`` over the ``L`` sorted classes that occur in either; rows are the labels, columns the predictions.

    Args:
        predicted: ``(N,)`` integers.
        labels: ``(N,)`` integers.
        normalize: None (int64 counts), 'true' (rows sum to 1), 'pred' (columns do) or 'all'. 0 / 0 is 0.

    Raises:
        ValueError: If a list is empty or holds no integers, lengths differ, or ``normalize`` is unknown.
    """
    if normalize not in (None, 'true', 'pred', 'all'):
        raise ValueError(f"normalize must be None, 'true', 'pred' or 'all', got {normalize!r}")
    predicted, labels = _check_integers('predicted', predicted), _check_integers('labels', labels)
    if len(predicted) != len(labels):
        raise ValueError(f'{len(predicted)} predictions but {len(labels)} labels')
    classes, index = np.unique(np.concatenate([labels, predicted]), return_inverse=True)
    row, column = index.reshape(2, -1)
    matrix = np.bincount(row * len(classes) + column, minlength=len(classes) ** 2).reshape(len(classes), -1)
    if normalize is None:
        return matrix
    total = matrix.sum(axis={'true': 1, 'pred': 0, 'all': None}[normalize], keepdims=True)
    return matrix / np.maximum(total, 1)


def _average_precision(score: np.ndarray, positive: np.ndarray) -> float:
    """Sum over the distinct scores, best first, of (recall gained) x (precision there); ``(N,)`` each."""
    order = np.argsort(-score, kind='stable')
    score, positive = score[order], positive[order]
    last_of_tie = np.append(score[1:] != score[:-1], True)
    found = np.cumsum(positive)[last_of_tie]
    precision = found / (np.flatnonzero(last_of_tie) + 1)
    return float(np.sum(np.diff(found, prepend=0) * precision) / positive.sum())


def mean_average_precision(scores: np.ndarray, labels: np.ndarray) -> float:
    """Average precision of each class, averaged over the classes that have a positive sample; NaN if none has.

    Args:
        scores: ``(N, K)``.
        labels: ``(N, K)``, 1 where the sample is of the class, else 0.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is neither 0 nor 1.
    """
    scores, labels = _check_scores(scores), np.asarray(labels)
    if labels.shape != scores.shape:
        raise ValueError(f'labels must be (N, K) = {scores.shape}, 0 or 1 each, got {labels.shape}')
    if not np.isin(labels, (0, 1)).all():
        raise ValueError('labels must be 0 or 1 each')
    present = np.flatnonzero(labels.any(axis=0))
    if not len(present):
        return float('nan')
    return float(np.mean([_average_precision(scores[:, k], labels[:, k]) for k in present]))
