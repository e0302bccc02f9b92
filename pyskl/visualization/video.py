"""Write images and videos: gif and png with Pillow, mp4 with OpenCV. Equal images give equal bytes.

Files are written atomically (:mod:`pyskl.files`).
"""

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np
from PIL import GifImagePlugin, Image

from pyskl.files import replacing, replacing_path

FORMATS = ('gif', 'mp4')
MAX_GIF_FPS = 50  # viewers play faster files slowly
_CODEC = 'mp4v'  # MPEG-4 part 2: every OpenCV build writes it, 30 times faster than VP9
_CHUNK = 48  # frames that share a palette
_BITS = 6  # bits per channel that distinguish colours for the palette
_UNCHANGED = 255  # the palette entry of unchanged pixels


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: float = 25.0) -> int:
    """Write ``(H, W, 3)`` uint8 RGB images of equal size in the format of the file name's extension.

    A gif holds every image, repeated ones too; its delays are multiples of 1/100 s.

    Args:
        path: The file, replaced if it exists.
        frames: The images, consumed one at a time.
        fps: Images per second.

    Returns:
        The number of images.

    Raises:
        ValueError: If the extension is unknown, there is no image, sizes differ, or ``fps`` is out of range.
        OSError: If the file cannot be written.
    """
    path = Path(path)
    if path.suffix not in ('.gif', '.mp4'):
        raise ValueError(f'{path} must end in .gif or .mp4')
    if not 0 < fps <= 1000:
        raise ValueError(f'fps must be above 0 and at most 1000, got {fps!r}')
    with replacing_path(path) as name:
        count = (_write_gif if path.suffix == '.gif' else _write_mp4)(str(name), frames, fps)
        if count == 0:
            raise ValueError(f'{path} needs at least one image, got none')
    return count


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write one ``(H, W, 3)`` uint8 RGB image as png.

    Raises:
        OSError: If the file cannot be written.
    """
    with replacing(path) as file:
        Image.fromarray(image).save(file, format='png', optimize=False)


def _same_size(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    first = None
    for frame in frames:
        first = first or frame.shape
        if frame.shape != first or frame.dtype != np.uint8 or frame.ndim != 3 or first[2] != 3:
            raise ValueError(f'images must be uint8 (H, W, 3) of equal size, got {frame.dtype} {frame.shape}')
        yield frame


def _write_mp4(name: str, frames: Iterable[np.ndarray], fps: float) -> int:
    writer, count = None, 0
    try:
        for frame in _same_size(frames):
            if writer is None:
                writer = _open_writer(name, frame.shape, fps)
            height, width = frame.shape[:2]
            if height % 2 or width % 2:  # the codecs accept even sides only
                frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode='edge')
            writer.write(frame[..., ::-1].copy())
            count += 1
    finally:
        if writer is not None:
            writer.release()
    if count and os.path.getsize(name) == 0:
        raise OSError(f'OpenCV could not write {name}')
    return count


def _open_writer(name: str, shape: Sequence[int], fps: float) -> cv2.VideoWriter:
    size = (shape[1] + shape[1] % 2, shape[0] + shape[0] % 2)
    writer = cv2.VideoWriter(name, cv2.VideoWriter_fourcc(*_CODEC), fps, size)
    if not writer.isOpened():
        raise OSError(f'this build of OpenCV cannot write mp4 (codec {_CODEC}); write a gif instead')
    return writer


def _write_gif(name: str, frames: Iterable[np.ndarray], fps: float) -> int:
    delay = max(round(100 / min(fps, MAX_GIF_FPS)), 1) * 10  # milliseconds
    changes, count, shared = _changes(frames), 0, None
    with open(name, 'wb') as file:
        while chunk := list(islice(changes, _CHUNK)):
            palette, table = _palette(np.concatenate([change.codes for change in chunk]))
            if shared is None:
                shared = palette
                _write_header(file, chunk[0].where.shape, palette)
            for change in chunk:
                index = np.full(change.where.shape, _UNCHANGED, np.uint8)
                index[change.where] = table[_short(change.codes)]
                part = Image.fromarray(index)
                part.putpalette(palette)
                for block in GifImagePlugin.getdata(
                    part,
                    change.corner,
                    duration=delay,
                    disposal=1,  # pixels that are not written stay
                    transparency=_UNCHANGED,
                    interlace=0,
                    include_color_table=palette != shared,
                ):
                    file.write(block)
            count += len(chunk)
        file.write(b';')
    return count


def _write_header(file: BinaryIO, shape: Sequence[int], palette: bytes) -> None:
    """Gif header: size, a palette of 256 colours, and endless looping."""
    file.write(b'GIF89a' + struct.pack('<HHBBB', shape[1], shape[0], 0xF7, 0, 0) + palette)
    file.write(b'!\xff\x0bNETSCAPE2.0\x03\x01' + struct.pack('<H', 0) + b'\x00')


def _codes(image: np.ndarray) -> np.ndarray:
    """Pack colours, ``(H, W, 3)`` -> ``(H, W)`` uint32 0xFFBBGGRR."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2RGBA).view('<u4')[..., 0]


def _colors(codes: np.ndarray) -> np.ndarray:
    """Unpack colours, ``(n,)`` uint32 -> ``(n, 3)`` uint8."""
    return np.stack([codes & 255, codes >> 8 & 255, codes >> 16 & 255], axis=-1).astype(np.uint8)


def _short(codes: np.ndarray) -> np.ndarray:
    """Quantise colours to the upper bits of each channel: an index below ``2 ** (3 * _BITS)``."""
    low, mask = 8 - _BITS, (1 << _BITS) - 1
    return (codes >> 16 + low & mask) << 2 * _BITS | (codes >> 8 + low & mask) << _BITS | codes >> low & mask


class _Change(NamedTuple):
    """Difference of an image to the previous one: the smallest box that contains it, or one pixel."""

    corner: tuple[int, int]  # (x, y)
    where: np.ndarray  # (h, w) bool, in the box
    codes: np.ndarray  # (n,), of the pixels that changed


def _changes(frames: Iterable[np.ndarray]) -> Iterator[_Change]:
    before = None
    for frame in _same_size(frames):
        code = _codes(frame)
        if before is None:
            yield _Change((0, 0), np.ones(code.shape, bool), code.ravel())
        else:
            differs = before != code
            rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
            if len(rows) == 0:
                rows = columns = np.zeros(1, int)
            box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
            where = differs[box].copy()  # frees the whole image
            yield _Change((box[1].start, box[0].start), where, code[box][where])
        before = code


def _palette(codes: np.ndarray) -> tuple[bytes, np.ndarray]:
    """Choose a palette for pixels of ``(n,)`` codes: its 768 bytes, and the entry of each quantised colour.

    The most frequent colour represents each quantised colour. If there are more than fit, the palette grows greedily by
    the colour with the largest error: the squared distance from the palette times the square root of the number of its
    pixels, so that thin lines count too.
    """
    table = np.zeros(1 << 3 * _BITS, np.uint8)
    if len(codes) == 0:
        return bytes(768), table
    known, counts = np.unique(codes, return_counts=True)
    order = np.argsort(-counts, kind='stable')
    known, counts = known[order], counts[order]
    short, first, inverse = np.unique(_short(known), return_index=True, return_inverse=True)
    colors = _colors(known[first]).astype(np.float32)
    weight = np.sqrt(np.bincount(inverse, weights=counts)).astype(np.float32)
    chosen, entry = [int(weight.argmax())], np.zeros(len(colors), np.uint8)
    nearest = ((colors - colors[chosen[0]]) ** 2).sum(1)
    while len(chosen) < min(_UNCHANGED, len(colors)):
        worst = int((nearest * weight).argmax())
        distance = ((colors - colors[worst]) ** 2).sum(1)
        closer = distance < nearest
        entry[closer] = len(chosen)
        nearest = np.minimum(nearest, distance)
        chosen.append(worst)
    table[short] = entry
    return colors[chosen].astype(np.uint8).tobytes().ljust(768, b'\x00'), table
