"""Text in images, rendered by Pillow in DejaVu Sans, which comes with matplotlib, or in the user's font file."""

from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pyskl.visualization.colors import TEXT, Color

LONGEST = 2000  # maximum number of characters per line
_FONT = {'path': None}


def use_font(path: str | Path | None) -> None:
    """Set the font of all further text to the TrueType or OpenType file ``path``; None: DejaVu Sans.

    Raises:
        ValueError: If the file is not a font.
    """
    if path is not None:
        try:
            ImageFont.truetype(str(path), 12)
        except OSError as error:
            raise ValueError(f'{path} is not a TrueType or OpenType font ({error})') from None
    _FONT['path'] = None if path is None else str(path)


@lru_cache(maxsize=64)
def _font(path: str | None, size: int) -> ImageFont.FreeTypeFont:
    if path is None:
        import matplotlib

        path = str(Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSans.ttf')
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)  # the font built into Pillow


def _printable(text: str) -> str:
    """Replace line breaks, control characters and lone surrogates by blanks; cut at ``LONGEST``."""
    return ''.join(character if character.isprintable() else ' ' for character in text[:LONGEST])


def text_width(text: str, size: int) -> int:
    """Return the width of ``text`` in pixels."""
    return int(np.ceil(_font(_FONT['path'], size).getlength(_printable(text))))


def shortened(text: str, size: int, width: int) -> str:
    """Shorten ``text`` to ``width`` pixels by an ellipsis in the middle, if it is wider."""
    text = _printable(text)
    if text_width(text, size) <= width:
        return text
    low, high = 0, len(text)  # characters that remain
    while low < high:
        count = (low + high + 1) // 2
        if text_width(_around_ellipsis(text, count), size) <= width:
            low = count
        else:
            high = count - 1
    return _around_ellipsis(text, low)


def _around_ellipsis(text: str, count: int) -> str:
    end = count // 3
    return text[: count - end].rstrip() + '…' + (text[-end:] if end else '')


@lru_cache(maxsize=4096)
def _mask(path: str | None, text: str, size: int) -> np.ndarray:
    """Render a mask ``(h, w)`` from 0 to 1, as tall as the font's ascent and descent."""
    font = _font(path, size)
    ascent, descent = font.getmetrics()
    mask = Image.new('L', (max(1, int(np.ceil(font.getlength(text)))), ascent + descent))
    ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=font)
    return np.asarray(mask, np.float32)[..., None] / 255


def put_text(
    image: np.ndarray, text: str, place: tuple[int, int], size: int, color: Color = TEXT, align: str = 'left'
) -> None:
    """Write one line into ``image`` ``(H, W, 3)`` in place; pixels outside are clipped.

    Args:
        image: The image.
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
