"""Contact sheets: one clip per row, a few frames of each, on pages of readable size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from pyskl.visualization.colors import BACKGROUND, FAINT, QUIET, TEXT
from pyskl.visualization.text import put_text, shortened

ROWS = 12  # per page


@dataclass
class Row:
    """One row of a contact sheet.

    Args:
        title: First line of text beside the images.
        notes: Smaller lines below the title.
        cells: Images of equal size.
        marks: A word in the corner of each image.
    """

    title: str
    notes: Sequence[str]
    cells: Sequence[np.ndarray]
    marks: Sequence[str] = field(default=())


def sheet_pages(rows: Sequence[Row], title: str, rows_per_page: int = ROWS) -> Iterator[np.ndarray]:
    """Render pages ``(H, W, 3)`` of equal width.

    Args:
        rows: Rows of all pages, at least one.
        title: Text at the top of each page, beside the page number.
        rows_per_page: Rows per page.
    """
    size = rows[0].cells[0].shape[0]
    letters = int(np.clip(size // 9, 10, 18))
    gap, line = letters // 2, round(letters * 1.45)
    text_width = round(1.9 * size)
    width = text_width + max(sum(cell.shape[1] + gap for cell in row.cells) for row in rows) + 2 * gap
    count = -(-len(rows) // rows_per_page)
    for page in range(count):
        part = rows[page * rows_per_page : (page + 1) * rows_per_page]
        top = 2 * gap + line
        image = np.full((top + len(part) * (size + gap) + gap, width, 3), BACKGROUND, np.uint8)
        number = f'page {page + 1} of {count}' if count > 1 else ''
        put_text(image, shortened(title, letters, width - 12 * letters), (gap, gap), letters)
        put_text(image, number, (width - gap, gap), letters, QUIET, align='right')
        for index, row in enumerate(part):
            y = top + index * (size + gap)
            cv2.line(image, (gap, y - gap // 2 - 1), (width - gap, y - gap // 2 - 1), FAINT, 1)
            _draw_row(image, row, y, gap, text_width, letters)
        yield image


def _draw_row(image: np.ndarray, row: Row, y: int, gap: int, text_width: int, letters: int) -> None:
    line, small = round(letters * 1.45), letters - 2
    below = y + gap
    for text in _wrapped(row.title, letters, text_width - 2 * gap):
        put_text(image, text, (gap, below), letters, TEXT)
        below += line
    for note in row.notes:
        put_text(image, shortened(note, small, text_width - 2 * gap), (gap, below), small, QUIET)
        below += round(small * 1.45)
    x = text_width
    for number, cell in enumerate(row.cells):
        image[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
        if number < len(row.marks):
            put_text(image, row.marks[number], (x + gap, y + gap // 2), small, QUIET)
        x += cell.shape[1] + gap


def _wrapped(text: str, size: int, width: int, most: int = 3) -> list[str]:
    """Wrap ``text`` at blanks to at most ``most`` lines of at most ``width`` pixels."""
    lines, words = [], text.split()
    while words and len(lines) < most - 1:
        count = len(words)
        while count > 1 and shortened(' '.join(words[:count]), size, width) != ' '.join(words[:count]):
            count -= 1
        lines.append(shortened(' '.join(words[:count]), size, width))
        words = words[count:]
    return [*lines, shortened(' '.join(words), size, width)] if words else lines
