"""Colours: each person has a hue; its light shade marks the left side, its dark shade the right side.

Shades differ in brightness, so that sides can be distinguished without colour vision. RGB, 0 to 255.
"""

from collections.abc import Sequence

import numpy as np

from pyskl.skeletons import Skeleton

Color = tuple[int, int, int]

BACKGROUND: Color = (16, 19, 24)
PANEL: Color = (26, 30, 38)
FAINT: Color = (52, 59, 72)
QUIET: Color = (150, 160, 176)
TEXT: Color = (236, 240, 246)
ACCENT: Color = (96, 165, 250)

# (left, neither, right) of each person; the list repeats after the last.
PERSONS: tuple[tuple[Color, Color, Color], ...] = (
    ((150, 228, 255), (64, 160, 255), (88, 104, 255)),  # blue
    ((255, 226, 110), (255, 166, 51), (240, 92, 36)),  # orange
    ((206, 252, 150), (104, 216, 96), (22, 158, 84)),  # green
    ((255, 190, 240), (240, 112, 214), (186, 48, 190)),  # magenta
    ((250, 250, 250), (182, 186, 192), (120, 124, 132)),  # grey
    ((255, 182, 172), (236, 92, 92), (176, 32, 54)),  # red
)
LEFT, NEITHER, RIGHT = range(3)


def joint_sides(skeleton: Skeleton) -> np.ndarray:
    """Return the side of each joint, ``(V,)``: ``LEFT``, ``NEITHER`` or ``RIGHT``."""
    sides = np.full(skeleton.num_joints, NEITHER)
    sides[list(skeleton.left)] = LEFT
    sides[list(skeleton.right)] = RIGHT
    return sides


def limb_sides(limbs: Sequence[tuple[int, int]], sides: np.ndarray) -> np.ndarray:
    """Return the side of each limb, ``(K,)``: that of its ends, or ``NEITHER`` if they are on opposite sides.

    Args:
        limbs: K pairs of joints.
        sides: Sides of the joints.
    """
    ends = sides[np.array(limbs, np.int64).reshape(-1, 2)]  # (K, 2)
    return np.where((ends == NEITHER).any(1) | (ends[:, 0] == ends[:, 1]), ends.sum(1) - NEITHER, NEITHER).clip(0, 2)


def shades(sides: np.ndarray, person: int = 0) -> np.ndarray:
    """Return the colours of ``person``, ``(K,)`` sides -> ``(K, 3)`` uint8."""
    return np.array(PERSONS[person % len(PERSONS)], np.uint8)[sides]


HEAT = np.array([(44, 58, 120), (150, 60, 150), (236, 92, 70), (255, 214, 90), (255, 255, 230)], float)


def heat(strength: np.ndarray) -> np.ndarray:
    """Map strengths in [0, 1] of any shape to ``(..., 3)`` uint8, from dark blue over red to bright yellow."""
    stops = np.linspace(0, 1, len(HEAT))
    return np.rint(np.stack([np.interp(strength, stops, band) for band in HEAT.T], -1)).astype(np.uint8)
