"""Datasets that wrap other datasets."""

import inspect
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pyskl.datasets.base import BaseDataset, ClassProb
from pyskl.datasets.fit import Misfit
from pyskl.registry import DATASETS, build_component, lookup


def _built(dataset: dict | BaseDataset, test_mode: bool) -> BaseDataset:
    if not isinstance(dataset, dict):
        if not hasattr(dataset, '__getitem__') or isinstance(dataset, str | list | tuple):
            raise ValueError(f"dataset must be a dict with the key 'type', or a dataset, got {dataset!r}")
        return dataset
    cls = lookup(dataset['type'], DATASETS) if isinstance(dataset.get('type'), str) else dataset.get('type')
    in_test = test_mode and callable(cls) and 'test_mode' in inspect.signature(cls).parameters
    return DATASETS.build({**dataset, 'test_mode': True} if in_test else dict(dataset))


def build_dataset(cfg: dict, default_args: dict | None = None) -> BaseDataset:
    """Build a dataset from its config, as in PYSKL.

    Args:
        cfg: Config with ``type``; without ``pipeline`` the records are returned unchanged.
        default_args: Arguments that ``cfg`` may override, e.g. ``{'test_mode': True}``.

    Raises:
        ValueError: If a type or an argument is unknown, or the dataset cannot be built.
    """
    return build_component({**(default_args or {}), **cfg}, DATASETS)


@DATASETS.register_module()
class RepeatDataset(BaseDataset):
    """Repeat a dataset to get one longer epoch.

    Args:
        dataset: The dataset, or its config.
        times: Number of repetitions.
        test_mode: Whether the dataset is built in test mode.

    Raises:
        ValueError: If ``times`` is not a positive integer.
    """

    def __init__(self, dataset: dict | BaseDataset, times: int, test_mode: bool = False) -> None:
        if not isinstance(times, int) or times < 1:
            raise ValueError(f'RepeatDataset times must be an integer of at least 1, got {times!r}')
        self.dataset = _built(dataset, test_mode)
        self.times = times * self.dataset.times
        self._repeats = times

    def __repr__(self) -> str:
        return f'RepeatDataset({self._repeats} x {self.dataset!r})'

    @property
    def class_prob(self) -> ClassProb | None:
        """Value of the wrapped dataset."""
        return self.dataset.class_prob

    @property
    def labels(self) -> np.ndarray:
        """Labels ``(len,)`` int64; the first ``len / times`` are those of one pass."""
        return np.tile(self.dataset.labels, self._repeats)

    @property
    def names(self) -> list[str]:
        """``frame_dir`` of each sample."""
        return self.dataset.names * self._repeats

    def __len__(self) -> int:
        return len(self.dataset) * self._repeats

    def __getitem__(self, index: int) -> dict:
        if not -len(self) <= index < len(self):
            raise IndexError(f'sample {index} of a dataset of {len(self)}')
        return self.dataset[index % len(self.dataset)]

    def extremes(self) -> list[int]:
        """See :meth:`BaseDataset.extremes`."""
        return self.dataset.extremes()

    def misfits(self, *args, **kwargs) -> list[Misfit]:
        """See :meth:`BaseDataset.misfits`."""
        return self.dataset.misfits(*args, **kwargs)

    def clip_name(self, row: int) -> str:
        """See :meth:`BaseDataset.clip_name`."""
        return self.dataset.clip_name(row)

    def check(self, *args, **kwargs) -> list[str]:
        """See :meth:`BaseDataset.check`."""
        return self.dataset.check(*args, **kwargs)


@DATASETS.register_module()
class ConcatDataset(BaseDataset):
    """Concatenate datasets.

    Args:
        datasets: The datasets, or their configs.
        test_mode: Whether they are built in test mode.

    Raises:
        ValueError: If ``datasets`` is empty.
    """

    def __init__(self, datasets: Sequence[dict | BaseDataset], test_mode: bool = False) -> None:
        if isinstance(datasets, dict) or not datasets:
            raise ValueError(f'ConcatDataset datasets must be a list of at least one dataset, got {datasets!r}')
        self.datasets = [_built(dataset, test_mode) for dataset in datasets]
        self._ends = np.cumsum([len(dataset) for dataset in self.datasets])

    def __repr__(self) -> str:
        return f'ConcatDataset({", ".join(map(repr, self.datasets))})'

    @property
    def labels(self) -> np.ndarray:
        """Labels ``(len,)`` int64."""
        return np.concatenate([dataset.labels for dataset in self.datasets])

    @property
    def names(self) -> list[str]:
        """``frame_dir`` of each sample."""
        return [name for dataset in self.datasets for name in dataset.names]

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> dict:
        if not -len(self) <= index < len(self):
            raise IndexError(f'sample {index} of a dataset of {len(self)}')
        index %= len(self)
        which = int(np.searchsorted(self._ends, index, side='right'))
        return self.datasets[which][index - (int(self._ends[which - 1]) if which else 0)]

    def extremes(self) -> list[int]:
        """See :meth:`BaseDataset.extremes`."""
        starts = [0, *self._ends[:-1].tolist()]
        return [start + row for start, dataset in zip(starts, self.datasets, strict=True) for row in dataset.extremes()]

    def misfits(self, *args, **kwargs) -> list[Misfit]:
        """See :meth:`BaseDataset.misfits`."""
        starts, found = [0, *self._ends[:-1].tolist()], []
        for start, dataset in zip(starts, self.datasets, strict=True):
            for misfit in dataset.misfits(*args, **kwargs):
                found.append(replace(misfit, rows=[(start + row, detail) for row, detail in misfit.rows]))
        return found

    def clip_name(self, row: int) -> str:
        """See :meth:`BaseDataset.clip_name`."""
        which = int(np.searchsorted(self._ends, row, side='right'))
        return self.datasets[which].clip_name(row - (int(self._ends[which - 1]) if which else 0))

    def check(self, *args, **kwargs) -> list[str]:
        """See :meth:`BaseDataset.check`."""
        return [line for dataset in self.datasets for line in dataset.check(*args, **kwargs)]
