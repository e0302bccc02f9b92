"""Keypoints found beforehand, given frame by frame as a pose estimator gives them."""

from collections.abc import Iterable, Iterator

import numpy as np

People = tuple[np.ndarray, np.ndarray]


class PrecomputedPose:
    """The persons of a film's frames, in order, whatever the frames show.

    Args:
        frames: For each frame ``(P, V, 2)`` pixels and ``(P, V)`` scores; an iterator is read as frames come.
        layout: The skeleton they are joints of.

    """

    def __init__(self, frames: Iterable[People], layout: str) -> None:
        self.layout = layout
        self._frames: Iterator[People] = iter(frames)

    def people(self, frame: np.ndarray) -> People:
        """Those of the next frame.

        Raises:
            ValueError: If the film has more frames than keypoints were given for.
        """
        try:
            return next(self._frames)
        except StopIteration:
            raise ValueError('the film has more frames than the keypoints that go with it') from None
