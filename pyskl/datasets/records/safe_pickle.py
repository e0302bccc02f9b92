"""Pickles of numbers, read without trust: whatever the file says, no code of its choosing runs.

A pickle names the functions that rebuild its objects. Here a short list of names is known, and each stands for a
function of this file: arrays, dtypes and scalars are rebuilt from checked shapes, plain dtypes and raw bytes, never by
NumPy's own unpickling, which trusts its input.
"""

import contextlib
import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from tqdm import tqdm

PLAIN_KINDS = 'biufcSU'  # dtypes whose bytes hold no pointers
BAR_BYTES = 200 * 2**20  # larger files are read with a bar

# What the unpickler of a damaged or foreign file raises.
BROKEN = (
    pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError, TypeError, ValueError,
    OverflowError, MemoryError, RecursionError, AssertionError,
)  # fmt: skip


class ForbiddenGlobal(Exception):  # noqa: N818 - a verdict on the file, turned into a ValueError that names it
    """The pickle names something that is neither an array nor a builtin container."""


class SafeDtype:
    """Stands for a dtype while its pickle is read."""

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        self.dtype = np.dtype(code if isinstance(code, str) else code.decode('ascii'))
        if self.dtype.kind not in PLAIN_KINDS:
            raise ForbiddenGlobal(f'an array of dtype {self.dtype}')

    def __setstate__(self, state: tuple) -> None:
        if state[1] in ('<', '>'):
            self.dtype = self.dtype.newbyteorder(state[1])


class SafeArray(np.ndarray):
    """An array whose pickled state is checked before NumPy sees it."""

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran, raw = state
        if not isinstance(dtype, SafeDtype) or not isinstance(raw, bytes | str):
            raise pickle.UnpicklingError('an array without plain numbers')
        raw = raw.encode('latin1') if isinstance(raw, str) else raw  # str: written by Python 2
        if len(raw) != math.prod(shape) * dtype.dtype.itemsize:
            raise pickle.UnpicklingError('an array of another size than its shape')
        super().__setstate__((1, shape, dtype.dtype, bool(fortran), raw))

    def __reduce_ex__(self, protocol: int) -> tuple:
        return self.view(np.ndarray).__reduce_ex__(protocol)  # written again, it is a plain array


def _reconstruct(kind: type, shape: tuple, code: bytes) -> SafeArray:
    return np.ndarray.__new__(SafeArray, (0,))


def _frombuffer(buffer: bytes, dtype: SafeDtype, shape: tuple, order: str) -> np.ndarray:
    return np.frombuffer(bytes(buffer), dtype.dtype).reshape(shape, order='F' if order == 'F' else 'C')


def _scalar(dtype: SafeDtype, raw: bytes | str) -> np.generic:
    raw = raw.encode('latin1') if isinstance(raw, str) else raw
    return np.frombuffer(raw, dtype.dtype)[0]


def _encode(text: str, encoding: str = 'latin1') -> bytes:
    if encoding != 'latin1':
        raise pickle.UnpicklingError(f'bytes encoded as {encoding!r}')
    return text.encode('latin1')


KNOWN = {
    ('numpy', 'ndarray'): SafeArray,
    ('numpy', 'dtype'): SafeDtype,
    ('collections', 'OrderedDict'): OrderedDict,
    ('_codecs', 'encode'): _encode,
}
for _core in ('numpy.core', 'numpy._core'):  # NumPy 1 and 2
    KNOWN[f'{_core}.multiarray', '_reconstruct'] = _reconstruct
    KNOWN[f'{_core}.multiarray', 'scalar'] = _scalar
    KNOWN[f'{_core}.numeric', '_frombuffer'] = _frombuffer
for _builtins in ('builtins', '__builtin__'):  # Python 3 and 2
    for _kind in (bytearray, bytes, complex, frozenset, set):
        KNOWN[_builtins, _kind.__name__] = _kind


class _Unpickler(pickle.Unpickler):
    more: Mapping[tuple[str, str], object] = MappingProxyType({})

    def find_class(self, module: str, name: str) -> object:
        try:
            return KNOWN[module, name] if (module, name) in KNOWN else self.more[module, name]
        except KeyError:
            raise ForbiddenGlobal(f'{module}.{name}') from None

    def persistent_load(self, pid: object) -> object:
        raise ForbiddenGlobal(f'the persistent id {pid!r}')


class _BarReader(io.RawIOBase):
    """A file that moves a bar as it is read."""

    def __init__(self, file: io.BufferedReader, bar: tqdm) -> None:
        self._file, self._bar = file, bar

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        count = self._file.readinto(buffer)
        self._bar.update(count)
        return count


def load_numbers(
    path: str | Path,
    what: str = 'annotation file',
    key: str = 'ann_file',
    more: Mapping[tuple[str, str], Callable] | None = None,
    bar: bool = True,
) -> object:
    """The content of a pickle of arrays, numbers, strings and builtin containers.

    Args:
        path: The file.
        what: What it is, for messages.
        key: Where it was named, for messages.
        more: (module, name) of what else the pickle may name, and the functions of ours that stand for it.
        bar: Whether a large file is read with a bar.

    Raises:
        OSError: If the file is missing or cannot be read.
        ValueError: If it is not a pickle, is cut off, or names anything else.
    """
    path = Path(path)

    def unpickler(file: io.BufferedIOBase) -> _Unpickler:
        reader = _Unpickler(file, encoding='latin1')
        reader.more = more or {}
        return reader

    with opened(path, what, key) as file:
        size = path.stat().st_size
        if size < BAR_BYTES or not bar:
            return unpickler(file).load()
        with tqdm(total=size, unit='B', unit_scale=True, desc=f'reading {path.name}') as progress:
            return unpickler(io.BufferedReader(_BarReader(file, progress), 2**20)).load()


@contextlib.contextmanager
def opened(path: Path, what: str = 'annotation file', key: str = 'ann_file') -> Iterator[io.BufferedReader]:
    """The file, open; what an unpickler finds wrong with it is told in the words of :func:`load_numbers`."""
    try:
        with path.open('rb', buffering=2**18) as file:
            yield file
    except FileNotFoundError:
        raise FileNotFoundError(f'{what} {str(path)!r} does not exist; check {key}') from None
    except IsADirectoryError:
        raise IsADirectoryError(f'{key} {str(path)!r} is a folder; name the pickle in it') from None
    except ForbiddenGlobal as error:
        raise ValueError(
            f'{what} {str(path)!r} holds {_line(error)}, which could run code, and was not read; it may hold NumPy '
            f'arrays of numbers and builtin containers only'
        ) from None
    except BROKEN as error:
        raise ValueError(
            f'{what} {str(path)!r} is not a whole pickle ({type(error).__name__}: {_line(error)}); it may be cut off '
            f'or of another kind: download or write it again'
        ) from None


def _line(error: Exception) -> str:
    """What it says, on one line: it may quote the file."""
    return ' '.join(str(error).split())
