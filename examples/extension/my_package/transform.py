"""A transform: a function, and a class that documents the keys it modifies."""

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform
from pyskl.registry import TRANSFORMS


def shake(keypoint: np.ndarray, pixels: float) -> np.ndarray:
    """Shift all joints of a clip by up to ``pixels``; ``(M, T, V, C)`` -> same."""
    return keypoint + np.random.uniform(-pixels, pixels, keypoint.shape[-1]).astype(keypoint.dtype)


@TRANSFORMS.register_module()
class Shake(BaseTransform):
    """Shift the clip by a small random offset.

    Required Keys: keypoint
    Modified Keys: keypoint

    Args:
        pixels: Maximum shift in each direction.
    """

    changes = ()  # the facts that check.py compares with the config do not change

    def __init__(self, pixels: float = 2) -> None:
        if not pixels >= 0:
            raise ValueError(f'Shake pixels must be at least 0, got {pixels!r}')
        self.pixels = pixels

    def transform(self, results: dict) -> dict:
        results['keypoint'] = shake(results['keypoint'], self.pixels)
        return results
