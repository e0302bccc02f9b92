"""Small films of clips as gif bytes, to embed in a page."""

import tempfile
from pathlib import Path

import numpy as np

from pyskl.skeletons import Skeleton
from pyskl.visualization.panels import JointsPanel
from pyskl.visualization.skeleton import visibility
from pyskl.visualization.video import write_video

FRAMES, FPS, HEIGHT = 36, 12.0, 150


def clip_film(keypoint: np.ndarray, score: np.ndarray | None, skeleton: Skeleton, height: int = HEIGHT) -> bytes:
    """Render a gif of at most 36 frames, evenly spread over the clip.

    Args:
        keypoint: ``(M, T, V, C)``.
        score: ``(M, T, V)``, or None.
        skeleton: Skeleton of the joints.
        height: Height in pixels.

    Raises:
        ValueError: If no person is visible in the clip.
    """
    total = keypoint.shape[1]
    chosen = np.unique(np.linspace(0, total - 1, min(FRAMES, total)).round().astype(int))
    keypoint = np.asarray(keypoint[:, chosen], np.float32)
    seen = visibility(keypoint, None if score is None else score[:, chosen])
    if not (seen > 0).any():
        raise ValueError('no person is visible in the clip')
    panel = JointsPanel(keypoint, seen, skeleton, height, view=(25.0, 12.0), square=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'clip.gif')
        write_video(path, (panel.draw(frame) for frame in range(len(chosen))), FPS)
        return path.read_bytes()


def upright_pose(keypoint: np.ndarray, score: np.ndarray | None, skeleton: Skeleton) -> np.ndarray | None:
    """Find a person and frame in which all joints are visible: ``(V, 2)``, y downwards; None if there is none."""
    seen = visibility(np.asarray(keypoint, np.float32), score) > 0
    complete = seen.sum(-1)
    if not complete.any() or complete.max() < keypoint.shape[2]:
        return None
    person, frame = np.unravel_index(int(complete.argmax()), complete.shape)
    panel = JointsPanel(keypoint[person : person + 1], seen[person : person + 1], skeleton, 200, square=True)
    return panel.points[0, frame]
