"""Which frame of a clip each frame is that a sampler makes of it."""

from collections.abc import Callable

import numpy as np

from pyskl.datasets.pipelines.sampling import UniformSampleDecode
from pyskl.datasets.pipelines.temporal_resize import CropResize

TIMED = (UniformSampleDecode, CropResize)  # choose frames, and do nothing to what is in them


def source_frames(transform: Callable[[dict], dict], results: dict) -> np.ndarray:
    """Which frame of ``results`` each frame would be that ``transform``, one of ``TIMED``, makes of it.

    It is given a clip in which every coordinate is the number of its frame; chance is put back as it was.
    """
    keypoint = results['keypoint']
    filled = (keypoint != 0).any((2, 3))  # (M, T); empty frames stay empty, since they may be padding
    clock = np.arange(1, keypoint.shape[1] + 1, dtype=np.float32) * filled
    clock = np.repeat(clock[:, :, None], keypoint[0, 0].size, axis=2).reshape(keypoint.shape)
    state = np.random.get_state()
    told = transform({**results, 'keypoint': clock})['keypoint'][..., 0].max((0, 2))
    np.random.set_state(state)
    return np.rint(told - 1).astype(int).clip(0, keypoint.shape[1] - 1)
