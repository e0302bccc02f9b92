import pytest

from pyskl.inference.frames import prefetch


def test_prefetch_keeps_order_and_passes_errors_on():
    assert list(prefetch(range(50), 3)) == list(range(50))

    def broken():
        yield 1
        raise ValueError('broken')

    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match='broken'):
        next(items)


def test_prefetch_lets_go_when_it_is_closed():
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
