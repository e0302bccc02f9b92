"""What is known of a clip while the graph of a test pipeline is written."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pyskl.inference.onnx.graph import FLOAT, HALF, Graph


class Array(NamedTuple):
    """An array ``(M, T, V, C)`` of the sample.

    Args:
        x: Its value, float32.
        channels: C.
        half: Whether the values are those of a float16 array.
        stream: What it holds: ``j``, ``b``, ``jm`` or ``bm``, or several joined by ``+``.
    """

    x: str
    channels: int
    half: bool
    stream: str


def rounded(graph: Graph, x: str, half: bool) -> str:
    """Round ``x`` to float16 if ``half``."""
    return graph.cast(graph.cast(x, HALF), FLOAT) if half else x


@dataclass
class Clip:
    """A clip between two transforms; its values are float32.

    Args:
        keypoint: ``(M, T, V, C)``; with ``has_score`` the last of three channels is the score.
        img_shape: ``(2,)`` int64 (height, width): a value, an array if it is always the same, or None if no transform
            needs it.
        joints: V.
        channels: C.
        has_score: Whether joints are (x, y, score).
        half: Whether the values are those of float16 arrays, to which arithmetic rounds.
        wide: Whether ``keypoint`` is float64.
        split: Whether the pipeline's score is still a separate array, ``keypoint_score``.
        other: Further arrays of the sample by key.
        stream: What ``keypoint`` holds, see :class:`Array`.
        inds: ``(S * L,)`` frames that were sampled but not taken yet.
        num_clips: S.
        length: L, None before sampling.
        mirrored: Whether the mirror images of all clips follow.
        max_frames: The most frames that a clip may have, if limited.
    """

    keypoint: str
    img_shape: str | np.ndarray | None
    joints: int
    channels: int
    has_score: bool
    half: bool = False
    wide: bool = False
    split: bool = True
    other: dict[str, Array] = field(default_factory=dict)
    stream: str = 'j'
    inds: str | None = None
    num_clips: int = 1
    length: int | None = None
    mirrored: bool = False
    max_frames: int | None = None

    @property
    def views(self) -> int:
        """Number of samples that the network takes of a clip."""
        return self.num_clips * (2 if self.mirrored else 1)

    def rounded(self, graph: Graph, x: str) -> str:
        """``x``, rounded to float16 if the clip's values are."""
        return rounded(graph, x, self.half)
