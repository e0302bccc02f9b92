"""Calibration of class scores as probabilities, and separation of known from unknown clips.

``N`` clips, ``K`` classes. Uses numpy only.

Sources: temperature scaling and the expected calibration error, Guo et al. 2017, https://arxiv.org/abs/1706.04599; the
energy score, Liu et al. 2020, https://arxiv.org/abs/2010.03759; the area under the ROC curve as a rank statistic
(Mann and Whitney 1947).
"""

import numpy as np

from pyskl.evaluation.functional import are_probabilities, check_pair, check_scores, cross_entropy, softmax

TEMPERATURES = (0.01, 100.0)  # limits of the search


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> np.ndarray:
    """Compute a reliability diagram: mean confidence and accuracy in each of ``bins`` equal intervals of confidence.

    Args:
        probabilities: ``(N, K)``, rows that sum to 1; the confidence of a clip is its largest entry.
        labels: ``(N,)``, 0 to K - 1.
        bins: Intervals ``(b / bins, (b + 1) / bins]`` of the confidence.

    Returns:
        ``(bins, 3)``: number of clips, mean confidence, accuracy; the last two are NaN for an empty interval.

    Raises:
        ValueError: If shapes do not fit, rows are not probabilities, or a label is out of range.
    """
    probabilities, labels = check_pair(probabilities, labels)
    if not are_probabilities(probabilities):
        raise ValueError('probabilities must be non-negative rows that sum to 1; apply softmax to logits first')
    if bins < 1:
        raise ValueError(f'bins must be a positive integer, got {bins}')
    confidence = probabilities.max(1)
    correct = probabilities.argmax(1) == labels
    which = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(which, minlength=bins)
    out = np.full((bins, 3), np.nan)
    out[:, 0] = count
    full = count > 0
    for column, values in ((1, confidence), (2, correct)):
        out[full, column] = np.bincount(which, weights=values, minlength=bins)[full] / count[full]
    return out


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: the mean over clips of ``|accuracy - confidence|`` of their interval, 0 to 1.

    Args and errors: see :func:`reliability`.
    """
    count, confidence, accuracy = reliability(probabilities, labels, bins).T
    full = count > 0
    return float((count[full] * np.abs(accuracy[full] - confidence[full])).sum() / count.sum())


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Brier score: the mean squared distance of ``(N, K)`` probabilities to the one-hot label, 0 to 2."""
    probabilities, labels = check_pair(probabilities, labels)
    return float(np.square(probabilities - np.eye(probabilities.shape[1])[labels]).sum(1).mean())


def as_logits(scores: np.ndarray) -> np.ndarray:
    """Return ``(N, K)`` logits unchanged and probabilities as logarithms, so that softmax restores them."""
    scores = check_scores(scores)
    return np.log(np.maximum(scores, np.finfo(np.float64).tiny)) if are_probabilities(scores) else scores


def fit_temperature(scores: np.ndarray, labels: np.ndarray) -> float:
    """Fit the ``T`` that minimises the cross-entropy of ``softmax(logits / T)``; above 1 if overconfident.

    The cross-entropy is convex in ``1 / T``, so the root of its slope is bisected within :data:`TEMPERATURES`. The
    order of the scores does not change, so neither does any accuracy. Fit on clips that results are not reported on.

    Args:
        scores: ``(N, K)``, logits or probabilities.
        labels: ``(N,)``, 0 to K - 1.

    Raises:
        ValueError: If shapes do not fit, a score is NaN, or a label is out of range.
    """
    scores, labels = check_pair(scores, labels)
    logits = as_logits(scores)
    chosen = logits[np.arange(len(labels)), labels]

    def slope(inverse: float) -> float:
        """Derivative of the cross-entropy by ``1 / T``: the mean logit under the softmax minus the label's logit."""
        return float(((softmax(logits * inverse) * logits).sum(1) - chosen).mean())

    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    if slope(low) >= 0:
        return TEMPERATURES[1]
    if slope(high) <= 0:
        return TEMPERATURES[0]
    for _ in range(60):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return float((low * high) ** -0.5)


def scale(scores: np.ndarray, temperature: float) -> np.ndarray:
    """``(N, K)`` logits or probabilities -> ``softmax(logits / temperature)``.

    Raises:
        ValueError: If ``temperature`` is not a positive number.
    """
    if not np.isfinite(temperature) or temperature <= 0:
        raise ValueError(f'temperature must be a positive number, got {temperature!r}')
    return softmax(as_logits(scores) / temperature)


def energy(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Energy score, ``(N, K)`` logits -> ``(N,)``: ``-T log sum exp(logits / T)``; high for unknown clips.

    The energy cannot be recovered from probabilities (it is 0 for every clip): test with ``--average-clips score``.

    Raises:
        ValueError: If ``logits`` are probabilities, or a score is NaN.
    """
    logits = check_scores(logits)
    if are_probabilities(logits):
        raise ValueError('energy needs logits, got probabilities; test with --average-clips score')
    top = logits.max(1) / temperature
    return -temperature * (top + np.log(np.exp(logits / temperature - top[:, None]).sum(1)))


def confidence(scores: np.ndarray) -> np.ndarray:
    """Largest probability of each clip, ``(N, K)`` logits or probabilities -> ``(N,)``; low for unknown clips."""
    scores = check_scores(scores)
    return (scores if are_probabilities(scores) else softmax(scores)).max(1)


def auroc(values: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive clip has a higher value than a negative one; ties count half.

    Args:
        values: ``(N,)``.
        positive: ``(N,)`` bool.

    Raises:
        ValueError: If shapes do not fit, a value is NaN, or all clips are of one kind.
    """
    values, positive = np.asarray(values, np.float64), np.asarray(positive, bool)
    if values.ndim != 1 or values.shape != positive.shape:
        raise ValueError(f'values and positive must both be (N,), got {values.shape} and {positive.shape}')
    if np.isnan(values).any():
        raise ValueError(f'{int(np.isnan(values).sum())} of {len(values)} values are NaN')
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        raise ValueError(f'AUROC needs positive and negative clips, got {positives} and {negatives}')
    _, index, count = np.unique(values, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[index]  # ranks from 1; ties get their mean rank
    return float((rank[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_summary(scores: np.ndarray, labels: np.ndarray, temperature: float = 1.0) -> dict[str, float]:
    """Compute ``ece``, ``nll`` and ``brier`` of logits or probabilities at a temperature."""
    probabilities = scale(scores, temperature)
    return {
        'ece': expected_calibration_error(probabilities, labels),
        'nll': cross_entropy(probabilities, labels),
        'brier': brier_score(probabilities, labels),
    }
