"""Convert arrays with any order of axes to the annotation's (M, T, V, C).

An order has one letter per axis, outermost first; axes stored flattened are in parentheses: ``TVC``; ``VCT``
(20, 3, T); ``T(VC)``, one row per frame with x, y, z of joint 0, then of joint 1; ``NCTVM``. N clips, M persons,
T frames, V joints, C coordinates; N and M may be absent.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

ORDER = 'NMTVC'
_ORDER = re.compile(r'(?:[A-Z]|\([A-Z]{2,}\))+', re.ASCII)


@dataclass(frozen=True)
class Axes:
    """An order of axes.

    Args:
        text: The order as given by the user.
        groups: The letters of each stored axis.
    """

    text: str
    groups: tuple[str, ...]

    @property
    def letters(self) -> str:
        """All letters, outermost first."""
        return ''.join(self.groups)


def parse_axes(text: str) -> Axes:
    """``'T(VC)'`` -> its groups ``('T', 'VC')``.

    Raises:
        ValueError: If it is not an order of the axes, lacks T, V or C, or repeats a letter.
    """
    groups = tuple(group.strip('()') for group in re.findall(r'\([A-Z]+\)|[A-Z]', text))
    letters = ''.join(groups)
    lacking = [letter for letter in 'TVC' if letter not in letters]
    if not _ORDER.fullmatch(text) or lacking or len(set(letters)) < len(letters) or set(letters) - set(ORDER):
        raise ValueError(
            f"axes {text!r} must contain T, V and C, and optionally N and M, each once, such as TVC, VCT or 'T(VC)'"
        )
    return Axes(text, groups)


def to_clips(array: np.ndarray, axes: Axes, sizes: dict[str, int]) -> np.ndarray:
    """Transpose ``array`` to (N, M, T, V, C); N and M are 1 if ``axes`` lacks them.

    Args:
        array: The stored array.
        axes: Its order of axes.
        sizes: Known sizes by letter, V and C at least; at most one letter per pair of parentheses may be unknown.

    Raises:
        ValueError: If the shape does not match the order or the sizes.
    """
    if array.ndim != len(axes.groups):
        raise ValueError(
            f'shape {array.shape} has {array.ndim} axes, but --axes {axes.text} has {len(axes.groups)}; write one '
            f"letter per axis, with flattened axes in parentheses: 'T(VC)' is (frames, joints x coordinates)"
        )
    shape = []
    for length, group in zip(array.shape, axes.groups, strict=True):
        shape += _split(length, group, sizes, array.shape, axes.text)
    array = array.reshape(shape)
    array = array.transpose([axes.letters.index(letter) for letter in ORDER if letter in axes.letters])
    for position, letter in enumerate(ORDER):
        if letter not in axes.letters:
            array = np.expand_dims(array, position)
    return array


def _split(length: int, group: str, sizes: dict[str, int], shape: tuple[int, ...], text: str) -> list[int]:
    unknown = [letter for letter in group if letter not in sizes]
    known = math.prod(sizes[letter] for letter in group if letter in sizes)
    if len(unknown) > 1:
        raise ValueError(f'--axes {text}: the sizes of {" and ".join(unknown)} in one pair of parentheses are unknown')
    if (length != known) if not unknown else (length % known or not length):
        product = ' x '.join(f'{letter} {sizes.get(letter, "?")}' for letter in group)
        total = f' = {known}' if len(group) > 1 and not unknown else ''
        raise ValueError(
            f'shape {shape}: axis {group} of --axes {text} has length {length}, but the skeleton requires '
            f'{product}{total}'
        )
    return [sizes.get(letter, length // known) for letter in group]


COORDINATES = ('x', 'y', 'z', 'score', '-')


def parse_coords(text: str, dims: int) -> tuple[str, ...]:
    """Parse the meaning of a joint's stored coordinates, such as ``'x,y,z,-'``; ``-`` is ignored.

    Args:
        text: Names of :data:`COORDINATES`, separated by commas.
        dims: Coordinates of the layout.

    Raises:
        ValueError: If a name is unknown or repeated, or the names do not match the layout.
    """
    names = tuple(name.strip() for name in text.split(','))
    used = [name for name in names if name != '-']
    if not set(names) <= set(COORDINATES) or len(set(used)) < len(used) or not {'x', 'y'} <= set(used):
        raise ValueError(f'--coords must name x, y, z, score, each once, and - for ignored channels, got {text!r}')
    if ('z' in used) != (dims == 3):
        remedy = 'write - instead of z, or choose a 3D layout' if dims == 2 else 'name z, or choose a 2D layout'
        raise ValueError(f'--coords {text}: the layout is {dims}D; {remedy}')
    if 'score' in used and dims == 3:
        raise ValueError(f'--coords {text}: only 2D joints can have a score; write - instead of score')
    return names


def trimmed(keypoint: np.ndarray) -> np.ndarray:
    """Remove all-zero persons and zero padding at the end; ``(M, T, V, C)``.

    Raises:
        ValueError: If nothing is left.
    """
    seen = keypoint.any(axis=(2, 3))  # (M, T)
    frames = np.flatnonzero(seen.any(axis=0))
    if not len(frames):
        raise ValueError('all its coordinates are 0')
    return keypoint[seen.any(axis=1), : frames[-1] + 1]
