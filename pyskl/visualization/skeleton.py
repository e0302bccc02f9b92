"""Draw skeletons into an image, and merge heatmaps into an image.

Convention: images are ``(H, W, 3)`` uint8, RGB; points are (x, y) in pixels, x to the right, y downwards, integers
at pixel centres. Legend: ``M`` persons, ``V`` joints, ``K`` limbs or channels.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from pyskl.skeletons import Skeleton
from pyskl.visualization.colors import BACKGROUND, PANEL, heat, joint_sides, limb_sides, shades

_SHIFT = 4  # positions are drawn to 1/16 pixel
_FAR = 1 << 13  # pixels; points farther out are clamped to it
_INVISIBLE = 1 / 255


def visibility(keypoint: np.ndarray, score: np.ndarray | None = None, zero_is_unseen: bool = True) -> np.ndarray:
    """Compute the opacity of each joint: ``(M, T, V, C)`` -> float32 ``(M, T, V)`` from 0 to 1.

    Args:
        keypoint: Coordinates.
        score: ``(M, T, V)``, clipped to 0 and 1; None: 1 for all detected joints.
        zero_is_unseen: Whether a joint at exactly 0 was not detected, as in recorded data. Otherwise, as in normalised
            data whose origin is a joint, only a person whose joints are all 0 in a frame is absent.
    """
    out = np.ones(keypoint.shape[:3], np.float32) if score is None else score.astype(np.float32).clip(0, 1)
    filled = (keypoint != 0).any(-1)
    out[~(filled if zero_is_unseen else np.broadcast_to(filled.any(-1, keepdims=True), filled.shape))] = 0
    out[~(np.isfinite(keypoint).all(-1) & np.isfinite(out))] = 0
    return out


def draw_skeleton(
    image: np.ndarray,
    points: np.ndarray,
    skeleton: Skeleton,
    opacity: np.ndarray | None = None,
    depth: np.ndarray | None = None,
    thickness: int = 3,
    radius: float = 4.0,
    outline: bool = True,
    numbers: Sequence[int] | None = None,
    strength: np.ndarray | None = None,
) -> np.ndarray:
    """Draw the persons of one frame on a copy of ``image``.

    Args:
        image: ``(H, W, 3)``.
        points: ``(M, V, 2)``.
        skeleton: Defines the limbs to draw; left and right sides have shades of the person's colour.
        opacity: ``(M, V)`` from 0, not drawn, to 1; a limb has the minimum of its ends. None: 1.
        depth: ``(M, V)``, larger is farther: near parts cover far ones. None: limbs, then joints, person by
            person.
        thickness: Thickness of limbs, pixels.
        radius: Radius of joints, pixels.
        outline: Whether to draw a dark outline around joints and limbs.
        numbers: The number of each person, which selects its colours; None: 0, 1, ...
        strength: ``(M, V)`` from 0 to 1: size and colour of joints, in place of the person's colour.

    Raises:
        ValueError: If the shapes do not match.
    """
    if points.ndim != 3 or points.shape[1:] != (skeleton.num_joints, 2):
        raise ValueError(f'points must be (M, {skeleton.num_joints}, 2) for {skeleton.name!r}, got {points.shape}')
    opacity = np.ones(points.shape[:2]) if opacity is None else np.asarray(opacity, float)
    for name, array in (('opacity', opacity), ('depth', depth), ('strength', strength)):
        if array is not None and array.shape != points.shape[:2]:
            raise ValueError(f'{name} must be {points.shape[:2]} as points are, got {array.shape}')
    image = np.ascontiguousarray(image).copy()
    marks = _marks(skeleton, opacity * np.isfinite(points).all(-1), depth)
    places = np.where(np.isfinite(points), points, 0).clip(-_FAR, _FAR)
    sides = joint_sides(skeleton)
    numbers = range(len(points)) if numbers is None else numbers
    joint_colors = [shades(sides, number).tolist() for number in numbers]
    limb_colors = [shades(limb_sides(skeleton.limbs, sides), number).tolist() for number in numbers]
    sizes = np.full(points.shape[:2], radius)
    if strength is not None:
        joint_colors, sizes = heat(strength).tolist(), radius * (0.5 + 2 * np.asarray(strength).clip(0, 1))
    rim = 1 if outline else 0
    fixed = np.rint(places * (1 << _SHIFT)).astype(int).tolist()
    for person, limb, (a, b), alpha in marks:
        color = joint_colors[person][a] if limb is None else limb_colors[person][limb]
        size = float(sizes[person, a])
        reach = int(size if limb is None else thickness) + 3
        ends = fixed[person][a], fixed[person][b]
        _blend(image, ends, reach, alpha, _mark(ends, limb is None, color, thickness, size, rim))
    return image


def _marks(skeleton: Skeleton, opacity: np.ndarray, depth: np.ndarray | None) -> list[tuple]:
    """List the visible parts in drawing order: (person, limb or None, its ends, opacity)."""
    marks = []
    for person, visible in enumerate(opacity.tolist()):
        far = [0.0] * len(visible) if depth is None else depth[person].tolist()
        for limb, (a, b) in enumerate(skeleton.limbs):
            marks.append(((far[a] + far[b]) / 2, (person, limb, (a, b), min(visible[a], visible[b]))))
        closer = 0.05 * (max(far, default=0) - min(far, default=0))  # joints are drawn over their own limbs
        marks += [(far[v] - closer, (person, None, (v, v), alpha)) for v, alpha in enumerate(visible)]
    if depth is not None:
        marks.sort(key=lambda mark: -mark[0])
    return [mark for _, mark in marks if mark[3] > _INVISIBLE]


def _mark(
    ends: tuple[list[int], list[int]], is_joint: bool, color: list[int], thickness: int, radius: float, rim: int
) -> Callable[[np.ndarray, int, int], None]:
    """Return a function that draws one joint or limb into a crop of the image that begins at (left, top)."""

    def draw(part: np.ndarray, left: int, top: int) -> None:
        start, end = ((x - (left << _SHIFT), y - (top << _SHIFT)) for x, y in ends)
        if is_joint:
            size = int(radius * (1 << _SHIFT))
            if rim:
                cv2.circle(part, start, size + (rim << _SHIFT), BACKGROUND, cv2.FILLED, cv2.LINE_AA, _SHIFT)
            cv2.circle(part, start, size, color, cv2.FILLED, cv2.LINE_AA, _SHIFT)
            return
        if rim:
            cv2.line(part, start, end, BACKGROUND, thickness + 2 * rim, cv2.LINE_AA, _SHIFT)
        cv2.line(part, start, end, color, thickness, cv2.LINE_AA, _SHIFT)

    return draw


def _blend(
    image: np.ndarray, ends: tuple[list[int], list[int]], reach: int, alpha: float, draw: Callable[..., None]
) -> None:
    """Draw into ``image`` with opacity ``alpha``; only the box around ``ends`` is touched."""
    height, width = image.shape[:2]
    (ax, ay), (bx, by) = ends
    left, top = max((min(ax, bx) >> _SHIFT) - reach, 0), max((min(ay, by) >> _SHIFT) - reach, 0)
    right, bottom = (max(ax, bx) >> _SHIFT) + reach + 2, (max(ay, by) >> _SHIFT) + reach + 2
    if left >= min(right, width) or top >= min(bottom, height):
        return
    part = image[top:bottom, left:right]
    if alpha >= 1:
        draw(part, left, top)
        return
    layer = part.copy()
    draw(layer, left, top)
    cv2.addWeighted(layer, alpha, part, 1 - alpha, 0, dst=part)


def merge_channels(heatmaps: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Merge heatmaps ``(K, H, W)`` and colours ``(K, 3)`` into ``(H, W, 3)``: each pixel shows its brightest channel.

    Args:
        heatmaps: Values from 0 to 1; others are clipped.
        colors: uint8.

    Raises:
        ValueError: If the numbers of colours and channels differ.
    """
    if heatmaps.ndim != 3 or colors.shape != (len(heatmaps), 3):
        raise ValueError(f'heatmaps must be (K, H, W) and colors (K, 3), got {heatmaps.shape} and {colors.shape}')
    heatmaps = heatmaps.astype(np.float32).clip(0, 1)
    strongest = heatmaps.argmax(0)  # (H, W)
    weight = np.take_along_axis(heatmaps, strongest[None], 0)[0][..., None]
    blended = weight * colors[strongest] + (1 - weight) * np.array(PANEL, np.float32)
    return np.rint(blended).astype(np.uint8)
