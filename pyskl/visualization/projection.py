"""Orthographic projection of 3D points to the image, with equal axes and one view for a whole clip.

Convention: coordinates are right-handed, as the Kinect's are. A camera at azimuth 0 and elevation 0 looks along +z
if y is up (the Kinect's own view), and along -y if z is up: people rotated by PreNormalize3D face it. Azimuth grows as
the camera moves to its own right around the scene, elevation as it rises. Degrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyskl.skeletons import Skeleton

# up -> (up, viewing direction of a camera at azimuth 0)
AXES = {
    'x': ((1, 0, 0), (0, 0, 1)),
    'y': ((0, 1, 0), (0, 0, 1)),
    'z': ((0, 0, 1), (0, -1, 0)),
    '-x': ((-1, 0, 0), (0, 0, 1)),
    '-y': ((0, -1, 0), (0, 0, 1)),
    '-z': ((0, 0, -1), (0, 1, 0)),
}


def camera(up: str = 'y', azimuth: float = 0.0, elevation: float = 0.0) -> np.ndarray:
    """Return the rotation ``(3, 3)`` whose rows point right, down and away from the camera.

    Raises:
        ValueError: If ``up`` is not an axis.
    """
    if up not in AXES:
        raise ValueError(f'up must be one of {sorted(AXES)}, got {up!r}')
    vertical, forward = np.array(AXES[up], float)
    right = np.cross(forward, vertical)
    turned, tilted = np.radians(azimuth), np.radians(elevation)
    # As the camera moves right it turns left, so that the scene stays centred.
    ahead = np.cos(turned) * forward - np.sin(turned) * right
    right = np.cos(turned) * right + np.sin(turned) * forward
    away = np.cos(tilted) * ahead - np.sin(tilted) * vertical
    down = -(np.cos(tilted) * vertical + np.sin(tilted) * ahead)
    return np.stack([right, down, away])


def guess_up(keypoint: np.ndarray, seen: np.ndarray, skeleton: Skeleton) -> str:
    """Find the axis that the spine points along on average; 'y' if the skeleton has no spine or no person is visible.

    Args:
        keypoint: ``(M, T, V, 3)``.
        seen: ``(M, T, V)``, 0 or False for joints that were not detected.
        skeleton: Skeleton of the joints.
    """
    if skeleton.spine is None:
        return 'y'
    start, end = skeleton.spine
    both = (seen[..., start] > 0) & (seen[..., end] > 0)
    spine = (keypoint[..., end, :3] - keypoint[..., start, :3])[both].astype(float)
    if len(spine) == 0:
        return 'y'
    mean = spine.mean(0)
    axis = int(np.abs(mean).argmax())
    return ('' if mean[axis] >= 0 else '-') + 'xyz'[axis]


@dataclass(frozen=True)
class Window:
    """Mapping of a 2D box to an image: ``pixel = offset + scale * point``.

    Args:
        scale: Pixels per unit, the same for both axes.
        offset: Pixel position (x, y) of the point (0, 0).
        size: (width, height) of the image.
    """

    scale: float
    offset: tuple[float, float]
    size: tuple[int, int]

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Convert points ``(..., 2)`` to pixels."""
        return points * self.scale + np.array(self.offset)


def fit(low: Sequence[float], high: Sequence[float], size: tuple[int, int], margin: float = 0.0) -> Window:
    """Fit the box from ``low`` to ``high`` into ``size``: centred and as large as possible.

    Args:
        low: (x, y).
        high: (x, y).
        size: (width, height), pixels.
        margin: Fraction of the image's shorter side left empty on each side.
    """
    low, high = np.asarray(low, float), np.asarray(high, float)
    extent = high - low
    room = np.array(size, float) - 2 * margin * min(size) - 1
    scale = float((room / np.where(extent > 0, extent, 1e-9)).min())
    scale = scale if extent.max() > 0 else 1.0  # a single point
    offset = (np.array(size) - 1) / 2 - scale * (low + high) / 2
    return Window(scale, (float(offset[0]), float(offset[1])), size)


def bounds(points: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Minimum and maximum of the points ``(..., C)`` that were ``seen`` ``(...)``; None if no point was."""
    inside = points[seen > 0]
    return (inside.min(0), inside.max(0)) if len(inside) else None


def grid_step(extent: float) -> float:
    """Return a round step, 1, 2 or 5 times a power of ten, about a sixth of ``extent``."""
    if not extent > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(extent / 6))
    return float(min((power * factor for factor in (1, 2, 5, 10)), key=lambda step: abs(extent / step - 6)))


def floor_grid(low: np.ndarray, high: np.ndarray, up: str) -> np.ndarray:
    """End points ``(n, 2, 3)`` of the lines of a square grid below the box from ``low`` to ``high``, ``(3,)`` each."""
    vertical = 'xyz'.index(up[-1])
    across = [axis for axis in range(3) if axis != vertical]
    step = grid_step(float((high - low).max()))
    first, last = np.floor(low / step), np.ceil(high / step)
    lines = []
    for along, other in (across, across[::-1]):
        for number in np.arange(first[other], last[other] + 1):
            line = np.zeros((2, 3))
            line[:, vertical] = high[vertical] if up[0] == '-' else low[vertical]
            line[:, other] = number * step
            line[:, along] = first[along] * step, last[along] * step
            lines.append(line)
    return np.array(lines)
