"""What is known of a clip while the graph of a test pipeline is written."""

from dataclasses import dataclass

from pyskl.inference.onnx.graph import FLOAT, HALF, Graph


@dataclass
class Clip:
    """A clip between two transforms; its values are float32.

    Args:
        keypoint: ``(M, T, V, C)``; with ``has_score`` the last of three channels is the score.
        img_shape: ``(2,)`` int64 (height, width), or None if no transform needs it.
        joints: V.
        channels: C.
        has_score: Whether joints are (x, y, score).
        half: Whether the values are those of float16 arrays, to which arithmetic rounds.
        inds: ``(S * L,)`` frames that were sampled but not taken yet.
        num_clips: S.
        max_frames: The most frames that a clip may have, if limited.
    """

    keypoint: str
    img_shape: str | None
    joints: int
    channels: int
    has_score: bool
    half: bool = False
    inds: str | None = None
    num_clips: int = 1
    max_frames: int | None = None

    def rounded(self, graph: Graph, x: str) -> str:
        """``x``, rounded to float16 if the clip's values are."""
        return graph.cast(graph.cast(x, HALF), FLOAT) if self.half else x
