"""A dataset of generated clips: stick figures that wave or jump."""

from collections.abc import Sequence

import numpy as np

from pyskl.datasets.base import BaseDataset
from pyskl.datasets.pipelines.base import Compose
from pyskl.registry import DATASETS

CLASSES = ('wave', 'jump')


def stick(label: int, seed: int, frames: int = 16) -> dict:
    """Generate a record: a person with five joints, in pixels of a 240 x 320 image."""
    random = np.random.RandomState(seed)
    rest = np.array([[160, 60], [160, 120], [130, 90], [190, 90], [160, 200]], np.float32)
    keypoint = np.tile(rest + random.normal(0, 3, 2), (1, frames, 1, 1)).astype(np.float32)
    swing = 25 * np.sin(np.arange(frames) / 2 + random.uniform(0, 6)).astype(np.float32)
    if label == 0:
        keypoint[0, :, 3, 1] += swing
    else:
        keypoint[0, :, :, 1] += swing[:, None]
    score = np.ones(keypoint.shape[:3], np.float32)
    return {
        'frame_dir': f'stick{seed}', 'label': label, 'total_frames': frames, 'img_shape': (240, 320),
        'keypoint': keypoint, 'keypoint_score': score,
    }  # fmt: skip


@DATASETS.register_module()
class StickDataset(BaseDataset):
    """Dataset of stick figures.

    Args:
        count: Number of clips.
        pipeline: Transforms.
        first_seed: Seed of the first clip.
        test_mode: Whether clips are sampled deterministically.
    """

    def __init__(self, count: int, pipeline: Sequence[dict], first_seed: int = 0, test_mode: bool = False) -> None:
        self._seeds = range(first_seed, first_seed + count)
        self._test_mode = test_mode
        self.pipeline = Compose(pipeline)

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, index: int) -> dict:
        seed = self._seeds[index]
        return self.pipeline({**stick(seed % len(CLASSES), seed), 'test_mode': self._test_mode})

    @property
    def labels(self) -> np.ndarray:
        """Labels ``(len,)`` int64, without running the pipeline."""
        return np.array([seed % len(CLASSES) for seed in self._seeds], np.int64)
