"""Map the output frames of a sampler to the frames of its input clip."""

from collections.abc import Callable

import numpy as np

from pyskl.datasets.pipelines.sampling import UniformSampleDecode
from pyskl.datasets.pipelines.temporal_resize import CropResize

TIMED = (UniformSampleDecode, CropResize)  # select frames without changing their content


def source_frames(transform: Callable[[dict], dict], results: dict) -> np.ndarray:
    """For each output frame of ``transform``, one of ``TIMED``, return the index of its frame in ``results``.

    ``transform`` is run on a clip whose coordinates are frame numbers; the RNG state is restored afterwards.
    """
    keypoint = results['keypoint']
    filled = (keypoint != 0).any((2, 3))  # (M, T); empty frames stay empty, since they may be padding
    clock = np.arange(1, keypoint.shape[1] + 1, dtype=np.float32) * filled
    clock = np.repeat(clock[:, :, None], keypoint[0, 0].size, axis=2).reshape(keypoint.shape)
    state = np.random.get_state()
    numbers = transform({**results, 'keypoint': clock})['keypoint'][..., 0].max((0, 2))
    np.random.set_state(state)
    return np.rint(numbers - 1).astype(int).clip(0, keypoint.shape[1] - 1)
