"""Frames of a clip's animation: panels side by side, two header lines, and a footer with the frame number."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import cv2
import numpy as np

from pyskl.visualization.colors import ACCENT, BACKGROUND, FAINT, LEFT, NEITHER, PERSONS, QUIET, RIGHT, TEXT
from pyskl.visualization.text import put_text, shortened, text_width


class Panel(Protocol):
    """An object that renders each of ``frames`` frames at ``size`` (width, height) pixels."""

    size: tuple[int, int]
    frames: int

    def draw(self, frame: int) -> np.ndarray: ...


class Film:
    """The frames of a clip, rendered on access.

    Args:
        panels: Panels of equal height.
        captions: A line above each panel; '' for no caption.
        title: First line of the header.
        subtitle: Second line of the header.
        order: For every output image, the frame that each panel shows.
        counters: For every output image, the text that names its frame.
        persons: Numbers of the persons in the legend.
        sided: Whether left and right sides have different shades.
    """

    def __init__(
        self,
        panels: Sequence[Panel],
        captions: Sequence[str],
        title: str,
        subtitle: str,
        order: Sequence[Sequence[int]],
        counters: Sequence[str],
        persons: Sequence[int] = (),
        sided: bool = True,
    ) -> None:
        self.panels = list(panels)
        height = panels[0].size[1]
        self.letters = int(np.clip(height // 30, 11, 20))
        self.gap = self.letters // 2
        line = round(self.letters * 1.45)
        head = self.gap + 2 * line + (line if any(captions) else 0) + self.gap // 2
        foot = line + 2 * self.gap
        self.width = sum(panel.size[0] for panel in panels) + self.gap * (len(panels) + 1)
        self.width += self.width % 2  # video codecs require even sides
        self.height = head + height + foot
        self.height += self.height % 2
        self.top, self.foot = head, head + height + self.gap
        self.still = np.full((self.height, self.width, 3), BACKGROUND, np.uint8)
        room = self.width - 2 * self.gap
        put_text(self.still, shortened(title, self.letters, room), (self.gap, self.gap), self.letters)
        below = (self.gap, self.gap + line)
        put_text(self.still, shortened(subtitle, self.letters, room), below, self.letters, QUIET)
        self.places, x = [], self.gap
        for panel, caption in zip(panels, captions, strict=True):
            self.places.append(x)
            small = self.letters - 2
            fitting = shortened(caption, small, panel.size[0])
            put_text(self.still, fitting, (x, self.gap + 2 * line), small, ACCENT)
            x += panel.size[0] + self.gap
        self.order, self.counters = list(order), list(counters)
        self.words = self.foot + self.gap // 2 + 1
        widest = max((text_width(counter, self.letters) for counter in self.counters), default=0)
        self._legend(persons, sided, self.width - widest - 3 * self.gap)

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[np.ndarray]:
        return map(self.draw, range(len(self)))

    def draw(self, number: int) -> np.ndarray:
        """Render image ``number``: ``(H, W, 3)``."""
        image = self.still.copy()
        for panel, x, frame in zip(self.panels, self.places, self.order[number], strict=True):
            width, height = panel.size
            image[self.top : self.top + height, x : x + width] = panel.draw(frame)
        left, right = self.gap, self.width - self.gap
        done = left + round(number / max(len(self) - 1, 1) * (right - 1 - left))
        cv2.line(image, (left, self.foot), (right - 1, self.foot), FAINT, 2)
        cv2.line(image, (left, self.foot), (done, self.foot), ACCENT, 2)
        put_text(image, self.counters[number], (right, self.words), self.letters, TEXT, align='right')
        return image

    def _legend(self, persons: Sequence[int], sided: bool, end: int) -> None:
        """Draw the legend of colours, as many entries as fit."""
        x, small = self.gap, self.letters - 2
        middle, radius = self.words + round(self.letters * 0.62), max(3, round(self.letters * 0.28))
        for person in persons:
            colors = PERSONS[person % len(PERSONS)]
            parts = [(colors[LEFT], 'left'), (colors[RIGHT], 'right')] if sided else [(colors[NEITHER], '')]
            if len(persons) > 1 or not sided:
                parts[0] = (parts[0][0], f'person {person + 1} {parts[0][1]}'.rstrip())
            for color, word in parts:
                needed = 2 * radius + 4 + text_width(word, small)
                if x + needed > end:
                    return
                cv2.circle(self.still, (x + radius, middle), radius, color, cv2.FILLED, cv2.LINE_AA)
                put_text(self.still, word, (x + 2 * radius + 4, self.words + 1), small, QUIET)
                x += needed + self.gap
