"""Epochs in which a class comes up as often as asked, as numbers of samples.

PYSKL's ``class_prob``: 1 is once, 2 twice, 1.5 once and half of the class once more, drawn anew each epoch.
"""

from collections.abc import Sequence

import numpy as np
import torch

from pyskl.datasets.wrappers import Dataset

ClassProb = Sequence[float] | dict[int, float]


def _multipliers(labels: np.ndarray, class_prob: ClassProb, times: int) -> list[tuple[np.ndarray, float]]:
    """(samples of the class, how often it comes up) of each class, in the order of their first appearance."""
    prob = dict(class_prob) if isinstance(class_prob, dict) else dict(enumerate(class_prob))
    if any(not isinstance(value, int | float) or value < 0 for value in prob.values()):
        raise ValueError(f'class_prob must hold numbers of at least 0, got {class_prob!r}')
    if len(labels) and labels.min() < 0:
        raise ValueError(f'class_prob needs one label a sample; sample {int(labels.argmin())} has none')
    classes, first = np.unique(labels, return_index=True)
    classes = classes[np.argsort(first)]
    return [(np.flatnonzero(labels == c), prob.get(int(c), 1) * times) for c in classes]


def class_balanced_length(labels: np.ndarray, class_prob: ClassProb, times: int = 1) -> int:
    """How many samples :func:`class_balanced_indices` gives; the same in every epoch."""
    return sum(
        int(often) * len(samples) + int((often - int(often)) * len(samples))
        for samples, often in _multipliers(labels, class_prob, times)
    )


def class_balanced_indices(
    labels: np.ndarray, class_prob: ClassProb, times: int = 1, epoch: int = 0, seed: int = 0, shuffle: bool = True
) -> np.ndarray:
    """The samples of one epoch, int64; all processes get the same and take their share of it.

    Args:
        labels: ``(n,)`` int, of one pass over the data (``dataset.labels[:len(dataset) // dataset.times]``).
        class_prob: How often a class comes up: a list, or a dict by class; 1 for a class it lacks.
        times: Passes over the data in an epoch: ``dataset.times``.
        epoch: The number of the epoch.
        seed: The run's.
        shuffle: Whether the classes are mixed.

    Raises:
        ValueError: If a sample has no label, or a number in ``class_prob`` is negative.
    """
    generator = torch.Generator().manual_seed(seed + epoch)
    parts = []
    for samples, often in _multipliers(labels, class_prob, times):
        drawn = torch.randperm(len(samples), generator=generator).numpy()
        parts.extend([samples] * int(often))
        parts.append(samples[drawn[: int((often - int(often)) * len(samples))]])
    indices = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return indices[torch.randperm(len(indices), generator=generator).numpy()] if shuffle else indices


def epoch_length(dataset: Dataset) -> int:
    """Samples in a training epoch of ``dataset``; the same in every epoch."""
    if dataset.class_prob is None:
        return len(dataset)
    return class_balanced_length(_one_pass(dataset), dataset.class_prob, dataset.times)


def epoch_indices(dataset: Dataset, seed: int, epoch: int) -> np.ndarray:
    """The samples of training epoch ``epoch``, int64, shuffled; classes as often as ``dataset.class_prob`` says."""
    if dataset.class_prob is not None:
        return class_balanced_indices(_one_pass(dataset), dataset.class_prob, dataset.times, epoch, seed)
    return torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed + epoch)).numpy()


def _one_pass(dataset: Dataset) -> np.ndarray:
    return dataset.labels[: len(dataset) // dataset.times]
