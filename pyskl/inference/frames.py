"""Frames of a film or a camera, and reading them ahead in a thread.

Images are ``(H, W, 3)`` uint8 BGR, as in OpenCV.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import cv2
import numpy as np

INSTALL = 'pip install av'
Item = TypeVar('Item')


class Frame(NamedTuple):
    """One image of a film and its time in seconds."""

    time: float
    image: np.ndarray


def fitted(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image ``(H, W, 3)`` to fit ``size`` (height, width), centred on a black background."""
    height, width = image.shape[:2]
    if (height, width) == tuple(size):
        return image
    scale = min(size[0] / height, size[1] / width)
    sides = max(round(height * scale), 1), max(round(width * scale), 1)
    out = np.zeros((*size, 3), np.uint8)
    top, left = (size[0] - sides[0]) // 2, (size[1] - sides[1]) // 2
    out[top : top + sides[0], left : left + sides[1]] = cv2.resize(
        image, sides[::-1], interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    return out


def prefetch(items: Iterable[Item], size: int = 4, skip: Callable[[], None] | None = None) -> Iterator[Item]:
    """Iterate over ``items`` in a separate thread that is up to ``size`` items ahead.

    Args:
        items: The items.
        size: Items that may wait.
        skip: If given, the thread does not wait for a place, but discards the oldest item and calls this: images of a
            camera would otherwise become older and older.
    """
    waiting: queue.Queue = queue.Queue(size)
    stopped, end = threading.Event(), object()

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.0 if skip else 0.2)
                return True
            except queue.Full:
                if skip:
                    with contextlib.suppress(queue.Empty):
                        waiting.get_nowait()
                        skip()
        return False

    def work() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if not put((item, None)):
                    break
            put((end, None))
        except BaseException as error:  # raised in the consuming thread
            put((end, error))
        finally:
            close = getattr(iterator, 'close', None)
            if close is not None:
                close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is end:
                return
            yield item
    finally:
        stopped.set()
        thread.join(timeout=5)


def pyav():
    try:
        import av
    except ImportError as error:
        raise ValueError(f'films need PyAV ({error}); run {INSTALL}') from None
    return av
