"""A transform: a function, and a class that says which keys it touches."""

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform
from pyskl.registry import TRANSFORMS


def shake(keypoint: np.ndarray, pixels: float) -> np.ndarray:
    """``(M, T, V, C)`` -> the same, all joints of a clip moved by up to ``pixels``."""
    return keypoint + np.random.uniform(-pixels, pixels, keypoint.shape[-1]).astype(keypoint.dtype)


@TRANSFORMS.register_module()
class Shake(BaseTransform):
    """Move the clip a little.

    Required Keys: keypoint
    Modified Keys: keypoint

    Args:
        pixels: The most to each side.
    """

    changes = ()  # what check.py compares with the config stays as it is

    def __init__(self, pixels: float = 2) -> None:
        if not pixels >= 0:
            raise ValueError(f'Shake pixels must be at least 0, got {pixels!r}')
        self.pixels = pixels

    def transform(self, results: dict) -> dict:
        results['keypoint'] = shake(results['keypoint'], self.pixels)
        return results
