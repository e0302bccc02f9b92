"""What a data set is: the contract that loaders, samplers, wrappers and the engine rely on.

A data set of your own is a class that inherits :class:`BaseDataset`, is registered in ``pyskl.registry.DATASETS`` and
has ``__len__`` and ``__getitem__``; everything else has a default. A config names it under ``data.train`` (``val``,
``test``) like any other; ``custom_imports`` imports its module::

    custom_imports = dict(imports=['my_package.my_data'])
    data = dict(train=dict(type='MyDataset', folder='data/mine'), ...)

A constructor that has a parameter ``pipeline`` gets the config's ``train_pipeline`` (``val_pipeline``,
``test_pipeline``) unless the config names another, and one that has ``test_mode`` gets True outside of training.

A sample is what the network's loader stacks: ``keypoint`` ``(clips, M, T, V, C)`` for graph networks or ``imgs``
``(views, K, T, H, W)`` for 3D convolutions, and ``label``, an int (or ``(num_classes,)`` of zeros and ones).
"""

from collections.abc import Sequence

import numpy as np

from pyskl.datasets.fit import Misfit, failures

ClassProb = Sequence[float] | dict[int, float] | str  # what each means: pyskl.datasets.samplers


class BaseDataset:
    """A data set; a subclass writes ``__len__`` and ``__getitem__``."""

    times: int = 1  # passes over the data per epoch (RepeatDataset)
    class_prob: ClassProb | None = None  # class balancing of the training sampler

    def __len__(self) -> int:
        """Number of samples."""
        raise NotImplementedError(f'{type(self).__name__} has no __len__()')

    def __getitem__(self, index: int) -> dict:
        """Sample ``index``, after the pipeline. Randomness comes from NumPy's and Python's global generators.

        Raises:
            IndexError: If there is none.
        """
        raise NotImplementedError(f'{type(self).__name__} has no __getitem__()')

    @property
    def labels(self) -> np.ndarray:
        """``(len,)`` int64: the class of each sample, -1 for none or several.

        By default read off the samples, once; a data set that knows them without running its pipeline overrides this.
        """
        if '_labels' not in vars(self):
            found = [np.asarray(self[index].get('label', -1)) for index in range(len(self))]
            self._labels = np.array([int(x.reshape(-1)[0]) if x.size == 1 else -1 for x in found], np.int64)
        return self._labels

    @property
    def names(self) -> Sequence[str]:
        """What each sample is called in messages and score files; by default its number."""
        return [str(index) for index in range(len(self))]

    def extremes(self) -> list[int]:
        """Samples to try before a run: the longest, the shortest, those with the most and the fewest persons."""
        return [0]

    def misfits(
        self,
        num_joints: int | None = None,
        num_classes: int | None = None,
        dims: int | None = None,
        layout: str | None = None,
    ) -> list[Misfit]:
        """What is wrong with the clips for a network; by default nothing is known.

        Args:
            num_joints: V of the network's skeleton.
            num_classes: Classes of its head.
            dims: Coordinates of a joint of its skeleton: 2 or 3.
            layout: The skeleton's name.
        """
        return []

    def clip_name(self, row: int) -> str:
        """The name of the clip that a row of :meth:`misfits` means."""
        return self.names[row]

    def check(
        self,
        num_joints: int | None = None,
        num_classes: int | None = None,
        dims: int | None = None,
        layout: str | None = None,
    ) -> list[str]:
        """Refuse clips that a network cannot take. Arguments as of :meth:`misfits`.

        Returns:
            A line for each kind of fault that training would run with, and mislead.

        Raises:
            ValueError: If clips fail training; names the first, and how many there are.
        """
        found = self.misfits(num_joints, num_classes, dims, layout)
        for misfit in failures(found):
            raise ValueError(self._said(misfit))
        return [self._said(misfit) for misfit in found if misfit.severity == 'misleads']

    def _said(self, misfit: Misfit) -> str:
        return misfit.line(self.clip_name)
