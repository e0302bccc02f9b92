"""float16 arithmetic through float32 equals NumPy's bit for bit."""

import numpy as np

from pyskl.datasets.pipelines.float16 import narrow, to_float32, widen


def test_every_float16_survives_a_round_trip():
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    assert np.array_equal(widen(finite), finite.astype(np.float32))
    assert np.array_equal(narrow(widen(finite), np.dtype(np.float16)).view(np.uint16), finite.view(np.uint16))


def test_rounding_is_numpys():
    x = np.random.RandomState(0).randn(10000).astype(np.float32) * 100
    assert np.array_equal(narrow(x, np.dtype(np.float16)), x.astype(np.float16))


def test_read_only_arrays_are_not_modified():
    x = np.ones(3, np.float16)
    x.flags.writeable = False
    wide = widen(x)
    wide[:] = 2
    assert x.tolist() == [1, 1, 1]
    assert to_float32(wide) is wide
    assert to_float32(np.ones(2)).dtype == np.float32
