"""Text in pictures, by Pillow: DejaVu Sans, which comes with matplotlib, or a font file of the user's."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pyskl.visualization.colors import TEXT, Color

LONGEST = 2000  # characters of a line
_FONT = {'path': None}


def use_font(path: str | Path | None) -> None:
    """Write with the TrueType or OpenType file ``path`` from now on; None: DejaVu Sans.

    Raises:
        ValueError: If the file is no font.
    """
    if path is not None:
        try:
            ImageFont.truetype(str(path), 12)
        except OSError as error:
            raise ValueError(f'{path} cannot be read as a TrueType or OpenType font ({error})') from None
    _FONT['path'] = None if path is None else str(path)


@lru_cache(maxsize=64)
def _font(path: str | None, size: int) -> ImageFont.FreeTypeFont:
    if path is None:
        import matplotlib

        path = str(Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSans.ttf')
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)  # the one that every Pillow has


def _printable(text: str) -> str:
    """One line; control characters and halves of characters become blanks."""
    return ''.join(character if character.isprintable() else ' ' for character in text[:LONGEST])


def text_width(text: str, size: int) -> int:
    """Pixels."""
    return int(np.ceil(_font(_FONT['path'], size).getlength(_printable(text))))


def shortened(text: str, size: int, width: int) -> str:
    """``text`` if it is at most ``width`` pixels wide, else its beginning and end around an ellipsis."""
    text = _printable(text)
    if text_width(text, size) <= width:
        return text
    low, high = 0, len(text)  # characters kept
    while low < high:
        kept = (low + high + 1) // 2
        if text_width(_around_ellipsis(text, kept), size) <= width:
            low = kept
        else:
            high = kept - 1
    return _around_ellipsis(text, low)


def _around_ellipsis(text: str, kept: int) -> str:
    end = kept // 3
    return text[: kept - end].rstrip() + '…' + (text[-end:] if end else '')


@lru_cache(maxsize=4096)
def _mask(path: str | None, text: str, size: int) -> np.ndarray:
    """``(h, w)`` from 0 to 1, from the top of the tallest letter to the foot of the lowest."""
    font = _font(path, size)
    ascent, descent = font.getmetrics()
    mask = Image.new('L', (max(1, int(np.ceil(font.getlength(text)))), ascent + descent))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=font)
    return np.asarray(mask, np.float32)[..., None] / 255


def put_text(
    image: np.ndarray, text: str, place: tuple[int, int], size: int, color: Color = TEXT, align: str = 'left'
) -> None:
    """Write one line into ``image`` ``(H, W, 3)``, which is changed; what lies outside is cut off.

    Args:
        image: The picture.
        text: The line; control characters become blanks.
        place: (x, y) of the line's top left corner, or top right corner with ``align='right'``.
        size: Height of the font, pixels.
        color: RGB.
        align: 'left' or 'right'.
    """
    mask = _mask(_FONT['path'], _printable(text), size)
    x, y = place
    x = x - mask.shape[1] if align == 'right' else x
    top, left = max(-y, 0), max(-x, 0)
    part = image[y + top : max(y + mask.shape[0], 0), x + left : max(x + mask.shape[1], 0)]
    mask = mask[top : top + part.shape[0], left : left + part.shape[1]]
    part[:] = np.rint(part * (1 - mask) + np.array(color, np.float32) * mask).astype(np.uint8)
