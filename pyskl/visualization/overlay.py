"""Overlay of actions on video frames: skeleton and label of each person, with a timeline below.

Images are ``(H, W, 3)`` uint8 RGB. Legend: ``P`` persons, ``V`` joints.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from pyskl.skeletons import Skeleton
from pyskl.visualization.colors import BACKGROUND, FAINT, NEITHER, PANEL, PERSONS, QUIET, TEXT, heat
from pyskl.visualization.skeleton import draw_skeleton
from pyskl.visualization.text import put_text, shortened, text_width

MAX_ROWS = 8


class Interval(NamedTuple):
    """A labelled interval of a person, in seconds."""

    person: int
    start: float
    end: float
    label: str
    known: bool = True


def person_color(person: int) -> tuple[int, int, int]:
    """Return the RGB colour of person 1, 2, ..."""
    return PERSONS[(person - 1) % len(PERSONS)][NEITHER]


def draw_people(
    image: np.ndarray,
    persons: Sequence[int],
    keypoint: np.ndarray,
    score: np.ndarray,
    skeleton: Skeleton,
    labels: dict[int, str],
    strength: np.ndarray | None = None,
) -> np.ndarray:
    """Draw skeletons and labels on a copy of ``image``.

    Args:
        image: ``(H, W, 3)``.
        persons: Number of each person, from 1; 0 for a person that is not tracked, who gets no label.
        keypoint: ``(P, V, 2)`` pixels.
        score: ``(P, V)``; joints of score 0 are not drawn.
        skeleton: Skeleton of the joints.
        labels: Label of each person, by number.
        strength: ``(P, V)`` from 0 to 1: size and colour of joints.
    """
    height, width = image.shape[:2]
    letters = int(np.clip(height // 32, 12, 26))
    stroke = max(2, height // 240)
    opacity = np.where(score > 0, 0.4 + 0.6 * score.clip(0, 1), 0)
    numbers = [(person - 1) % len(PERSONS) if person else len(PERSONS) - 2 for person in persons]
    thickness, radius = stroke, stroke * 0.6 + 1.5
    if strength is not None:  # thin limbs, so that joints stand out
        thickness, radius = max(1, stroke // 2), stroke + 1.5
    image = draw_skeleton(
        image, keypoint, skeleton, opacity, thickness=thickness, radius=radius, numbers=numbers, strength=strength
    )
    taken = []
    for person, place, seen in zip(persons, keypoint, score > 0, strict=True):
        if person not in labels or not seen.any():
            continue
        text = shortened(f'{person}  {labels[person]}', letters, width // 2)
        box = text_width(text, letters) + letters, round(letters * 1.5)
        left = int(np.clip(place[seen, 0].mean() - box[0] / 2, 0, max(width - box[0], 0)))
        top = int(np.clip(place[seen, 1].min() - box[1] * 1.8, 0, max(height - box[1], 0)))
        while any(abs(top - y) < box[1] and left < x + w and x < left + box[0] for x, y, w in taken):
            top += box[1]
        taken.append((left, top, box[0]))
        cv2.rectangle(image, (left, top), (left + box[0], top + box[1]), BACKGROUND, cv2.FILLED)
        cv2.rectangle(image, (left, top), (left + 3, top + box[1]), person_color(person), cv2.FILLED)
        put_text(image, text, (left + letters // 2, top + letters // 6), letters)
    return image


def draw_scale(image: np.ndarray, what: str) -> None:
    """Draw the scale of ``strength`` into the lower left corner of ``image``: ``what`` it is, from weak to strong."""
    height, width = image.shape[:2]
    letters = int(np.clip(height // 40, 11, 18))
    row, gap, bar = round(letters * 1.6), letters // 2, letters * 6
    text = shortened(what, letters, max(width - bar - 3 * gap, letters))
    top, right = height - row, text_width(text, letters) + bar + 3 * gap
    cv2.rectangle(image, (0, top), (right, height), BACKGROUND, cv2.FILLED)
    put_text(image, text, (gap, top + letters // 5), letters, QUIET)
    left = right - bar - gap
    colors = heat(np.linspace(0, 1, bar))
    part = image[top + gap : height - gap, max(left, 0) : left + bar]
    part[:] = colors[None, : part.shape[1]]


def draw_cells(image: np.ndarray, persons: Sequence[int], cells: np.ndarray) -> None:
    """Draw the grids of the tracked persons side by side into the lower right corner of ``image``.

    Args:
        image: ``(H, W, 3)``.
        persons: Number of each person, from 1; 0 for one that is not tracked, who has no grid.
        cells: ``(P, H', W')`` from 0 to 1.
    """
    height, width = image.shape[:2]
    side = max(height // 6 // max(cells.shape[1:]), 2)
    gap, frame = side // 2 + 2, 2
    right, bottom = width - gap, height - gap
    shown = sorted((person, place) for place, person in enumerate(persons) if person > 0)[:MAX_ROWS]
    for person, place in reversed(shown):
        grid = heat(cells[place]).repeat(side, 0).repeat(side, 1)
        top, left = bottom - grid.shape[0] - frame, right - grid.shape[1] - 2 * frame
        if left < width // 2 or top < frame:
            return
        cv2.rectangle(image, (left, top - frame), (right - 1, bottom - 1), person_color(person), cv2.FILLED)
        image[top : bottom - frame, left + frame : right - frame] = grid
        right = left - gap


class Strip:
    """A timeline below a video: a row for each person, and a line at the current time.

    Args:
        width: Pixels.
        intervals: Intervals of all persons; the persons visible longest get a row, in the order of their numbers.
        span: (from, to) in seconds.
        letters: Font height, pixels.
    """

    def __init__(self, width: int, intervals: Sequence[Interval], span: tuple[float, float], letters: int = 14) -> None:
        self.span, self.gap = span, letters // 2
        seen = {}
        for item in intervals:
            seen[item.person] = seen.get(item.person, 0.0) + item.end - item.start
        self.persons = sorted(sorted(seen, key=lambda person: -seen[person])[:MAX_ROWS])
        self.row = round(letters * 1.7)
        self.left = text_width('00', letters) + 2 * self.gap
        height = self.gap * 2 + self.row * max(len(self.persons), 1)
        self.still = np.full((height + height % 2, width, 3), BACKGROUND, np.uint8)
        for number, person in enumerate(self.persons):
            top = self.gap + number * self.row
            put_text(self.still, str(person), (self.gap, top), letters, person_color(person))
            end = (width - self.gap, top + self.row - 3)
            cv2.rectangle(self.still, (self.left, top), end, PANEL, cv2.FILLED)
            for item in intervals:
                if item.person == person:
                    self._draw(item, top, letters)
        if not self.persons:
            put_text(self.still, 'no person', (self.gap, self.gap), letters, QUIET)

    def _x(self, time: float) -> int:
        begin, end = self.span
        room = self.still.shape[1] - self.left - self.gap
        return self.left + round(float(np.clip((time - begin) / max(end - begin, 1e-6), 0, 1)) * room)

    def _draw(self, item: Interval, top: int, letters: int) -> None:
        left, right = self._x(item.start), self._x(item.end)
        color = person_color(item.person) if item.known else FAINT
        shade = tuple(round(0.55 * c + 0.45 * b) for c, b in zip(color, PANEL, strict=True)) if item.known else FAINT
        cv2.rectangle(self.still, (left, top), (max(right - 2, left), top + self.row - 3), shade, cv2.FILLED)
        if right - left > 2 * letters:
            words = shortened(item.label, letters - 2, right - left - 8)
            put_text(self.still, words, (left + 4, top + 2), letters - 2, TEXT if item.known else QUIET)

    def draw(self, time: float) -> np.ndarray:
        """Render the timeline ``(h, W, 3)`` at ``time`` seconds."""
        image = self.still.copy()
        x = self._x(time)
        cv2.line(image, (x, 0), (x, image.shape[0]), TEXT, 2)
        return image
