"""Panels that render a clip frame by frame in a fixed view: joints, or heatmaps.

Legend: ``M`` persons, ``T`` frames, ``V`` joints, ``C`` coordinates, ``K`` channels.
"""

from dataclasses import replace

import cv2
import numpy as np

from pyskl.skeletons import Skeleton
from pyskl.visualization.colors import FAINT, PANEL
from pyskl.visualization.projection import bounds, camera, fit, floor_grid, guess_up
from pyskl.visualization.skeleton import draw_skeleton, merge_channels

MARGIN = 0.07  # margin of a panel around its content
WIDEST = 2.0  # maximum aspect ratio of a panel, width / height
_MEASURED = 100  # frames sampled to measure the height of people
_STROKE = 58  # ratio of a person's height to the thickness of a limb


class JointsPanel:
    """A panel of joints in 2D or 3D.

    Args:
        keypoint: ``(M, T, V, C)``; C = 3 for 3D, C = 2 for image coordinates with y downwards.
        visible: ``(M, T, V)`` from :func:`pyskl.visualization.skeleton.visibility`.
        skeleton: Skeleton of the joints.
        height: Pixels. Panels of 3D joints are square; others have the shape of ``frame``, or of the joints' box.
        frame: (width, height) of the image of 2D joints; None shows the box around the joints.
        view: (azimuth, elevation), degrees.
        up: The axis that points up in 3D; None infers it from the spine.
        origin: Whether to draw axes through the origin of 2D joints, and of 3D joints without ``floor``.
        floor: Whether to draw a grid below 3D joints.
        square: Whether panels of 2D joints are square too.
        strength: ``(M, T, V)`` from 0 to 1: size and colour of joints, in place of the person's colour.
    """

    def __init__(
        self,
        keypoint: np.ndarray,
        visible: np.ndarray,
        skeleton: Skeleton,
        height: int = 480,
        frame: tuple[float, float] | None = None,
        view: tuple[float, float] = (0.0, 0.0),
        up: str | None = None,
        origin: bool = False,
        floor: bool = True,
        square: bool = False,
        strength: np.ndarray | None = None,
    ) -> None:
        self.skeleton = skeleton
        self.strength = strength
        self.visible = visible
        self.frames = keypoint.shape[1]
        keypoint = keypoint.astype(np.float64)
        space = keypoint.shape[-1] == 3
        lines = np.zeros((0, 2, keypoint.shape[-1]))
        if space:
            up = up or guess_up(keypoint, visible, skeleton)
            turned = camera(up, *view).T
            box = bounds(keypoint, visible)
            if floor and box is not None:
                lines = floor_grid(*box, up) @ turned
            keypoint = keypoint @ turned
        self.depth = keypoint[..., 2] if space else None
        flat, lines = keypoint[..., :2], lines[..., :2]
        low, high = bounds(flat, visible) or (np.zeros(2), np.ones(2))
        if origin:
            low, high = np.minimum(low, 0), np.maximum(high, 0)
        framed = not space and frame is not None
        if framed:
            low, high = np.zeros(2), np.array(frame, float)
            lines = np.array(
                [[(0, 0), (high[0], 0)], [(high[0], 0), high], [high, (0, high[1])], [(0, high[1]), (0, 0)]]
            )
        width, tall = high - low
        wide = 1.0 if space or square else float(np.clip(width / max(tall, 1e-9), 0.75, WIDEST))
        self.size = (round(height * wide), height)
        window = fit(low, high, self.size, 0.0 if framed else MARGIN)
        self.points = window.pixels(flat)
        self._empty = _empty_panel(self.size, window.pixels(lines), window.offset if origin else None)
        self.thickness = _stroke(self.points, visible, height)

    def draw(self, frame: int) -> np.ndarray:
        """Render frame ``frame``: ``(height, width, 3)``."""
        return draw_skeleton(
            self._empty,
            self.points[:, frame],
            self.skeleton,
            self.visible[:, frame],
            None if self.depth is None else self.depth[:, frame],
            thickness=self.thickness,
            radius=self.thickness * 0.5 + 1.5,
            outline=self.thickness > 1,
            strength=None if self.strength is None else self.strength[:, frame],
        )


def _empty_panel(size: tuple[int, int], lines: np.ndarray, cross: tuple[float, float] | None) -> np.ndarray:
    """Draw an empty panel with lines ``(n, 2, 2)`` and full-size axes through ``cross``, in pixels."""
    image = np.full((size[1], size[0], 3), PANEL, np.uint8)
    if cross is not None:
        x, y = cross
        lines = np.concatenate([lines, [[(x, 0), (x, size[1])], [(0, y), (size[0], y)]]])
    for start, end in np.rint(lines.clip(-1 << 13, 1 << 13) * 16).astype(int).tolist():
        cv2.line(image, start, end, FAINT, 1, cv2.LINE_AA, 4)
    return image


def _stroke(points: np.ndarray, visible: np.ndarray, height: int) -> int:
    """Thickness of limbs in pixels, thinner for people who are small in the panel."""
    some = slice(None, None, -(-points.shape[1] // _MEASURED))
    points, visible = points[:, some], visible[:, some]
    extents = []
    for point, seen in zip(
        points.reshape(-1, *points.shape[2:]), visible.reshape(-1, visible.shape[-1]) > 0, strict=True
    ):
        if seen.any():
            extents.append(np.ptp(point[seen], axis=0).max())
    usual = float(np.median(extents)) if extents else height
    return int(np.clip(round(usual / _STROKE), 1, max(2, height // 90)))


class HeatmapPanel:
    """A panel of heatmaps, all channels merged into one image; pixels stay square.

    Args:
        heatmaps: ``(K, T, H, W)``, 0 to 1.
        colors: ``(K, 3)`` uint8.
        height: Pixels.
    """

    def __init__(self, heatmaps: np.ndarray, colors: np.ndarray, height: int = 480) -> None:
        self.heatmaps = heatmaps
        self.colors = colors
        self.frames = heatmaps.shape[1]
        width = heatmaps.shape[3] / heatmaps.shape[2] * height
        self.size = (round(min(width, WIDEST * height)), height)

    def draw(self, frame: int) -> np.ndarray:
        """Render frame ``frame``: ``(height, width, 3)``."""
        merged = merge_channels(self.heatmaps[:, frame], self.colors)
        return cv2.resize(merged, self.size, interpolation=cv2.INTER_NEAREST)


def as_vectors(
    keypoint: np.ndarray, visible: np.ndarray, skeleton: Skeleton
) -> tuple[np.ndarray, np.ndarray, Skeleton]:
    """Prepare bones or motions to be drawn as lines from the origin, which is appended as a joint.

    Args:
        keypoint: ``(M, T, V, C)``.
        visible: ``(M, T, V)``.
        skeleton: Skeleton of the joints.

    Returns:
        ``(M, T, V + 1, C)``, ``(M, T, V + 1)`` and a skeleton of ``V + 1`` joints.
    """
    joints = skeleton.num_joints
    center = np.zeros((*keypoint.shape[:2], 1, keypoint.shape[-1]), keypoint.dtype)
    star = replace(
        skeleton,
        joints=(*skeleton.joints, 'origin'),
        limbs=tuple((v, joints) for v in range(joints)),
        bone_parents=(*skeleton.bone_parents, joints),
        spine=None,
    )
    seen = np.concatenate([visible, visible.max(-1, keepdims=True)], axis=-1)
    return np.concatenate([keypoint, center], axis=2), seen, star
