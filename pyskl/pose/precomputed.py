"""Precomputed keypoints with the interface of a pose estimator."""

from collections.abc import Iterable, Iterator

import numpy as np

People = tuple[np.ndarray, np.ndarray]


class PrecomputedPose:
    """Return the given persons frame by frame; the images are ignored.

    Args:
        frames: For each frame ``(P, V, 2)`` pixels and ``(P, V)`` scores; an iterator is consumed frame by frame.
        layout: Skeleton layout of the keypoints.

    """

    def __init__(self, frames: Iterable[People], layout: str) -> None:
        self.layout = layout
        self._frames: Iterator[People] = iter(frames)

    def people(self, frame: np.ndarray) -> People:
        """Return the persons of the next frame.

        Raises:
            ValueError: If the video has more frames than ``frames``.
        """
        try:
            return next(self._frames)
        except StopIteration:
            raise ValueError('the video has more frames than the given keypoints') from None
