"""Base class of datasets: the contract that loaders, samplers, wrappers and the engine rely on.

A custom dataset is a class that inherits :class:`BaseDataset`, is registered in ``pyskl.registry.DATASETS`` and
has ``__len__`` and ``__getitem__``; everything else has a default. A config selects it under ``data.train`` (``val``,
``test``) like any other; ``custom_imports`` imports its module::

    custom_imports = dict(imports=['my_package.my_data'])
    data = dict(train=dict(type='MyDataset', folder='data/mine'), ...)

A constructor that has a parameter ``pipeline`` gets the config's ``train_pipeline`` (``val_pipeline``,
``test_pipeline``) unless the config names another, and one that has ``test_mode`` gets True outside of training.

A sample holds the arrays of a batch: ``keypoint`` ``(clips, M, T, V, C)`` for graph networks or ``imgs``
``(views, K, T, H, W)`` for 3D convolutions, and ``label``, an int (or ``(num_classes,)`` of zeros and ones).
"""

from collections.abc import Sequence

import numpy as np

from pyskl.datasets.fit import Misfit, failures

ClassProb = Sequence[float] | dict[int, float] | str  # meaning of each: pyskl.datasets.samplers


class BaseDataset:
    """Base class; a subclass implements ``__len__`` and ``__getitem__``."""

    times: int = 1  # passes over the data per epoch (RepeatDataset)
    class_prob: ClassProb | None = None  # class balancing of the training sampler

    def __len__(self) -> int:
        """Number of samples."""
        raise NotImplementedError(f'{type(self).__name__} has no __len__()')

    def __getitem__(self, index: int) -> dict:
        """Return sample ``index`` after the pipeline. Randomness comes from NumPy's and Python's global generators.

        Raises:
            IndexError: If ``index`` is out of range.
        """
        raise NotImplementedError(f'{type(self).__name__} has no __getitem__()')

    @property
    def labels(self) -> np.ndarray:
        """Labels ``(len,)`` int64; -1 for samples with no or several labels.

        By default read once from the samples; override this if labels are known without running the pipeline.
        """
        if '_labels' not in vars(self):
            found = [np.asarray(self[index].get('label', -1)) for index in range(len(self))]
            self._labels = np.array([int(x.reshape(-1)[0]) if x.size == 1 else -1 for x in found], np.int64)
        return self._labels

    @property
    def names(self) -> Sequence[str]:
        """Name of each sample in messages and score files; by default its index."""
        return [str(index) for index in range(len(self))]

    def extremes(self) -> list[int]:
        """Indices of samples to try before a run: longest, shortest, most persons, fewest persons."""
        return [0]

    def misfits(
        self,
        num_joints: int | None = None,
        num_classes: int | None = None,
        dims: int | None = None,
        layout: str | None = None,
    ) -> list[Misfit]:
        """Return the clips' misfits for a network; by default none.

        Args:
            num_joints: V of the network's skeleton.
            num_classes: Number of classes of its head.
            dims: Coordinates per joint of its skeleton: 2 or 3.
            layout: The skeleton's name.
        """
        return []

    def clip_name(self, row: int) -> str:
        """Return the name of the clip in a row of :meth:`misfits`."""
        return self.names[row]

    def check(
        self,
        num_joints: int | None = None,
        num_classes: int | None = None,
        dims: int | None = None,
        layout: str | None = None,
    ) -> list[str]:
        """Raise if clips do not fit a network. Arguments are those of :meth:`misfits`.

        Returns:
            One warning per kind of fault that does not stop training but makes its results misleading.

        Raises:
            ValueError: If clips would fail in training; names the first ones and the total number.
        """
        found = self.misfits(num_joints, num_classes, dims, layout)
        for misfit in failures(found):
            raise ValueError(self._message(misfit))
        return [self._message(misfit) for misfit in found if misfit.severity == 'misleads']

    def _message(self, misfit: Misfit) -> str:
        return misfit.line(self.clip_name)
