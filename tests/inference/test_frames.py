import threading

import numpy as np
import pytest

from pyskl.inference.frames import fitted, prefetch


def test_prefetch_keeps_the_order_and_raises_errors():
    assert list(prefetch(range(50), 3)) == list(range(50))

    def broken():
        yield 1
        raise ValueError('broken')

    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match='broken'):
        next(items)


def test_closing_prefetch_closes_its_source():
    closed = []

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    items = prefetch(endless(), 2)
    next(items)
    items.close()
    assert closed == [True]


def test_prefetch_of_a_camera_skips_the_oldest_images():
    skipped, ready = [], threading.Event()

    def camera():
        yield from range(3)
        ready.wait()
        yield from range(3, 10)
        done.set()

    done = threading.Event()
    items = prefetch(camera(), 4, lambda: skipped.append(1))
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    ready.set()
    done.wait()  # meanwhile 7 images arrive, of which 4 can wait (or 3 and the end)
    rest = list(items)
    assert rest[-1] == 9 and rest == list(range(10 - len(rest), 10)) and len(rest) in (3, 4)
    assert len(skipped) == 7 - len(rest)


def test_an_image_is_scaled_and_centred():
    image = np.full((10, 10, 3), 200, np.uint8)
    assert fitted(image, (10, 10)) is image
    wide = fitted(image, (20, 60))[..., 0]
    assert (wide[:, 20:40] == 200).all() and not wide[:, :20].any() and not wide[:, 40:].any()
