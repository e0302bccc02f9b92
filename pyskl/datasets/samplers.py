"""Class-balanced sampling: the indices of one epoch.

PYSKL's ``class_prob`` repeats the samples of a class: 1 once, 2 twice, 1.5 once plus a random half of them again.
InfoGCN's is ``'balanced'``: all classes equally often, in rounds with one sample per class.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from pyskl.datasets.base import BaseDataset, ClassProb
from pyskl.datasets.wrappers import RepeatDataset


def _multipliers(labels: np.ndarray, class_prob: ClassProb, times: int) -> list[tuple[np.ndarray, float]]:
    """Return (sample indices, repetitions) of each class, in order of first appearance."""
    if isinstance(class_prob, str | int | float):
        raise ValueError(f"class_prob must be a list of numbers, a dict by class or 'balanced', got {class_prob!r}")
    prob = dict(class_prob) if isinstance(class_prob, dict) else dict(enumerate(class_prob))
    if any(not isinstance(value, int | float) or not 0 <= value < math.inf for value in prob.values()):
        raise ValueError(f'class_prob must hold numbers of at least 0, got {class_prob!r}')
    if not all(isinstance(number, int) for number in prob):
        raise ValueError(f'class_prob must be a list, or a dict by class index (a whole number), got {class_prob!r}')
    _refuse_unlabelled(labels)
    members = sorted(_members(labels), key=lambda samples: samples[0])
    return [(samples, prob.get(int(labels[samples[0]]), 1) * times) for samples in members]


def _members(labels: np.ndarray) -> list[np.ndarray]:
    """Return the sorted sample indices of each class, in the order of the classes."""
    if not len(labels):
        return []
    order = np.argsort(labels, kind='stable')
    return np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def _refuse_unlabelled(labels: np.ndarray) -> None:
    if len(labels) and labels.min() < 0:
        raise ValueError(f'class_prob needs one label per sample; sample {int(labels.argmin())} has none')


def class_balanced_length(labels: np.ndarray, class_prob: ClassProb, times: int = 1) -> int:
    """Length of :func:`class_balanced_indices`; the same in every epoch."""
    return sum(
        int(often) * len(samples) + int((often - int(often)) * len(samples))
        for samples, often in _multipliers(labels, class_prob, times)
    )


def class_balanced_indices(
    labels: np.ndarray, class_prob: ClassProb, times: int = 1, epoch: int = 0, seed: int = 0, shuffle: bool = True
) -> np.ndarray:
    """Sample the indices of one epoch, int64; identical on all processes, each of which uses its share.

    Args:
        labels: ``(n,)`` int, labels of one pass over the data (``dataset.labels[:len(dataset) // dataset.times]``).
        class_prob: Repetitions per class: a list, or a dict by class; 1 for missing classes.
        times: Passes over the data per epoch: ``dataset.times``.
        epoch: Index of the epoch.
        seed: Seed of the run.
        shuffle: Whether to shuffle the indices.

    Raises:
        ValueError: If a sample has no label, or a number in ``class_prob`` is negative.
    """
    generator = torch.Generator().manual_seed(seed + epoch)
    parts = []
    for samples, often in _multipliers(labels, class_prob, times):
        order = torch.randperm(len(samples), generator=generator).numpy()
        parts.extend([samples] * int(often))
        parts.append(samples[order[: int((often - int(often)) * len(samples))]])
    indices = np.concatenate(parts) if parts else np.zeros(0, np.int64)
    return indices[torch.randperm(len(indices), generator=generator).numpy()] if shuffle else indices


def balanced_length(labels: np.ndarray, times: int = 1) -> int:
    """Length of :func:`balanced_indices`; the same in every epoch."""
    _refuse_unlabelled(labels)
    classes = len(np.unique(labels))
    return len(labels) * times // classes * classes if classes else 0


def balanced_indices(labels: np.ndarray, times: int = 1, epoch: int = 0, seed: int = 0) -> np.ndarray:
    """Sample the indices of one epoch with equal class frequencies, int64: InfoGCN's ``balanced_sampling``.

    Each of the K classes contributes ``len(labels) * times // K`` samples from successive permutations of the class, so
    that no sample appears a third time before all have appeared twice. Every K samples from a multiple of K contain one
    of each class, in random order: the released code uses one fixed order, which would give each of several processes
    only some of the classes.

    Args:
        labels: As for :func:`class_balanced_indices`.
        times: Passes over the data per epoch: ``dataset.times``.
        epoch: Index of the epoch.
        seed: Seed of the run.

    Raises:
        ValueError: If a sample has no label.
    """
    _refuse_unlabelled(labels)
    members = _members(labels)
    rounds = len(labels) * times // len(members) if members else 0
    if not rounds:
        return np.zeros(0, np.int64)
    generator = torch.Generator().manual_seed(seed + epoch)
    columns = []
    for samples in members:
        passes = -(-rounds // len(samples))
        shuffled = torch.cat([torch.randperm(len(samples), generator=generator) for _ in range(passes)]).numpy()
        columns.append(samples[shuffled[:rounds]])
    order = torch.rand(rounds, len(members), generator=generator).argsort(1).numpy()
    return np.take_along_axis(np.stack(columns, 1), order, 1).ravel()


def epoch_length(dataset: BaseDataset) -> int:
    """Number of samples per training epoch of ``dataset``; the same in every epoch."""
    if dataset.class_prob is None:
        return len(dataset)
    if dataset.class_prob == 'balanced':
        return balanced_length(_one_pass(dataset), dataset.times)
    return class_balanced_length(_one_pass(dataset), dataset.class_prob, dataset.times)


def epoch_indices(dataset: BaseDataset, seed: int, epoch: int) -> np.ndarray:
    """Sample the shuffled indices of a training epoch, int64, with the class frequencies of ``dataset.class_prob``."""
    if dataset.class_prob == 'balanced':
        return balanced_indices(_one_pass(dataset), dataset.times, epoch, seed)
    if dataset.class_prob is not None:
        return class_balanced_indices(_one_pass(dataset), dataset.class_prob, dataset.times, epoch, seed)
    return torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed + epoch)).numpy()


# Constants of NumPy's SeedSequence.generate_state; word i depends on pool[i % 4] and the i-th power of a constant.
_FIRST, _FACTOR = np.uint32(0x8B51F9DD), np.uint32(0x58F38DED)


def seeds_of(key: Sequence[int], total: int, rank: int = 0, world_size: int = 1) -> np.ndarray:
    """Compute ``np.random.SeedSequence(key).generate_state(total)[rank::world_size]``, uint32, without the other seeds.

    Args:
        key: Entropy of the seed sequence.
        total: Number of seeds of all processes.
        rank: Rank of this process.
        world_size: Number of processes.
    """
    index = np.arange(rank, total, world_size)
    start, step = pow(int(_FACTOR), rank, 2**32), pow(int(_FACTOR), world_size, 2**32)
    powers = np.full(len(index), step, np.uint32)
    powers[:1] = int(_FIRST) * start % 2**32
    powers = np.multiply.accumulate(powers, dtype=np.uint32)
    words = (np.random.SeedSequence(key).pool[index % 4] ^ powers) * (powers * _FACTOR)
    return words ^ (words >> np.uint32(16))


def _one_pass(dataset: BaseDataset) -> np.ndarray:
    """Return ``dataset.labels`` of one pass over the data, without materialising the repetitions."""
    while isinstance(dataset, RepeatDataset):
        dataset = dataset.dataset
    return dataset.labels[: len(dataset) // dataset.times]
