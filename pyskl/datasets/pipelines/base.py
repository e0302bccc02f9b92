"""Base class of transforms, and their composition.

A sample is a dict. ``keypoint`` is ``(M, T, V, C)``: M persons, T frames, V joints, C channels; 2D data carry
``keypoint_score`` ``(M, T, V)`` beside it until a transform appends it as the last channel.
Arrays that come from the dataset are shared and read-only: a transform stores a new array instead of writing into one.
"""

from collections.abc import Callable, Sequence

from pyskl.datasets.records.checks import FRAMES, JOINTS, Check
from pyskl.registry import TRANSFORMS, build_component


class BaseTransform:
    """Map ``results`` to ``results``; subclasses implement ``transform``."""

    # Whether the result depends only on the record and the arguments (not on randomness, test mode or stream) and has a
    # similar size, so that it can be precomputed and stored: see pyskl.datasets.pipelines.precomputed.
    once_a_clip = False
    # What this transform changes relative to the record: joints, frames, or both.
    changes: tuple[str, ...] = (JOINTS, FRAMES)

    def checks(self) -> Sequence[Check]:
        """Return the requirements on the input; checked against all clips before a run (:mod:`pyskl.datasets.fit`)."""
        return ()

    def transform(self, results: dict) -> dict:
        """Change ``results`` and return it."""
        raise NotImplementedError(f'{type(self).__name__} has no transform()')

    def __call__(self, results: dict) -> dict:
        return self.transform(results)

    def __repr__(self) -> str:
        public = ', '.join(f'{key}={value!r}' for key, value in vars(self).items() if not key.startswith('_'))
        return f'{type(self).__name__}({public})'


class Compose:
    """Apply transforms in sequence.

    Args:
        transforms: Dicts with ``type``, or callables.

    Raises:
        ValueError: If an item is neither, or its type or arguments are unknown.
    """

    def __init__(self, transforms: Sequence[dict | Callable[[dict], dict]]) -> None:
        if isinstance(transforms, dict) or not isinstance(transforms, Sequence):
            raise ValueError(f'pipeline must be a list of transforms, got {type(transforms).__name__}')
        self.transforms = [t if callable(t) else build_component(t, TRANSFORMS) for t in transforms]

    def __call__(self, results: dict) -> dict:
        for transform in self.transforms:
            results = transform(results)
        return results

    def __repr__(self) -> str:
        return 'Compose([\n' + ''.join(f'    {transform},\n' for transform in self.transforms) + '])'


def sample_name(results: dict) -> str:
    """Name of the sample for error messages."""
    return repr(results.get('frame_dir', results.get('filename', 'unnamed')))


def coordinate_channels(results: dict) -> int:
    """Number of leading channels of ``keypoint`` that are coordinates; a channel after them is a score.

    Taken from ``coord_dims`` if a dataset or a normalisation has set it.
    """
    dims = results.get('coord_dims')
    if dims is not None:
        return dims
    return 2 if 'keypoint_score' in results else results['keypoint'].shape[-1]
