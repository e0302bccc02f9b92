"""Names in a pickle, replaced by inert tokens and validating builders; NumPy's own functions are never exposed.

A pickle names the functions that rebuild its objects, with arguments chosen by the file's author, so no callable is
exposed to it. Each admitted name becomes a :class:`Name`; a call of it runs a function of this file that validates
every argument: dtypes must be of numbers or text, shapes must match the bytes that are present.
"""

import math
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

MAX_AXES = 32
MAX_EMPTY = 2**26  # maximum product of the non-zero axes of an empty array
_DTYPE = re.compile(r'[<>=|]?(?:[biufc](?:1|2|4|8|12|16|24|32)|\?|[SU](?:0|[1-9]\d{0,4}))', re.ASCII)


class ForbiddenGlobal(Exception):  # noqa: N818 - converted to a ValueError that names the file
    """The pickle names or calls something that is neither an array nor a builtin container."""


class MalformedError(pickle.UnpicklingError, ValueError):
    """The content of the file is inconsistent."""


class Name:
    """Inert token for an admitted name while a pickle is read.

    Args:
        path: Module and name in the file.
        build: Function that a call of the name runs; None if the name may only be an argument.
    """

    __slots__ = ('_build', 'path')

    def __init__(self, path: str, build: Callable | None) -> None:
        self.path, self._build = path, build

    def __repr__(self) -> str:
        return self.path

    def build(self, arguments: object) -> object:
        """Build the object of a call with ``arguments``.

        Raises:
            ForbiddenGlobal: If the name must not be called.
            pickle.UnpicklingError, TypeError, ValueError: If the arguments are invalid.
        """
        if type(arguments) is not tuple:
            raise pickle.UnpicklingError('arguments that are not a tuple')
        if self._build is None:
            raise ForbiddenGlobal(f'a call of {self.path}')
        return self._build(*arguments)


@lru_cache(maxsize=256)  # most files have one dtype, and name it once per array
def _ordered_dtype(code: str, order: str) -> np.dtype:
    return np.dtype(code).newbyteorder(order) if order in '<>' else np.dtype(code)


class SafeDtype:
    """Placeholder for a dtype of numbers or text while its pickle is read."""

    __slots__ = ('dtype',)

    def __init__(self, code: str | bytes) -> None:
        if isinstance(code, bytes):
            code = code.decode('ascii')
        if type(code) is not str or not _DTYPE.fullmatch(code):
            kinds = {'O': 'object', 'V': 'void', 'M': 'datetime64', 'm': 'timedelta64'}
            kind = kinds.get(str(code).lstrip('<>=|')[:1])
            raise ForbiddenGlobal(f'an array of dtype {kind or shown(code)}')
        self.dtype = _ordered_dtype(code, '=')

    def set_state(self, state: object) -> None:
        """Apply the byte order, the only state of a plain dtype."""
        if type(state) is not tuple or not 2 <= len(state) <= 9 or type(state[1]) is not str:
            raise pickle.UnpicklingError('a dtype with an unexpected state')
        if state[1] not in '<>=|' or any(part is not None for part in state[2:5]):
            raise ForbiddenGlobal('an array of a structured dtype')
        if state[1] in ('<', '>'):
            self.dtype = _ordered_dtype(self.dtype.str, state[1])


class SafeArray(np.ndarray):
    """Array that is empty until its validated state has been set, which is possible once."""

    filled = False

    def set_state(self, state: object) -> None:
        """Set shape, dtype and bytes from ``(version, shape, dtype, fortran, raw)``."""
        if type(state) is not tuple or len(state) != 5 or self.filled:
            raise pickle.UnpicklingError('an array with an unexpected state')
        _, shape, dtype, fortran, raw = state
        if type(raw) is str:  # written by Python 2
            raw = raw.encode('latin1')
        if type(dtype) is not SafeDtype or type(raw) is not bytes:
            raise pickle.UnpicklingError('an array without plain numbers')
        check_array(shape, dtype.dtype, raw)
        np.ndarray.__setstate__(self, (1, shape, dtype.dtype, bool(fortran is True or fortran == 1), raw))
        self.filled = True

    def __reduce_ex__(self, protocol: int) -> tuple:
        return self.view(np.ndarray).__reduce_ex__(protocol)  # pickled as a plain array


def shown(value: object) -> str:
    """Format ``value`` for a message, truncated to 60 characters."""
    plain = value is None or isinstance(value, str | int | float)
    text = ' '.join(repr(value).split()) if plain else type(value).__name__
    return text if len(text) <= 60 else f'{text[:57]}...'


def check_array(shape: object, dtype: np.dtype, raw: bytes | bytearray | memoryview) -> None:
    """Validate a shape against the bytes that are present, and the bytes against the dtype.

    Raises:
        MalformedError: If the shape does not match the number of bytes, or an element is not a value of ``dtype``:
            NumPy assumes booleans to be 0 or 1, and text to be Unicode.
    """
    if type(shape) is not tuple or len(shape) > MAX_AXES or any(type(n) is not int or n < 0 for n in shape):
        raise MalformedError('an array whose shape is not a tuple of integers')
    if len(raw) != math.prod(shape) * dtype.itemsize:
        raise MalformedError('an array whose size does not match its shape')
    if not len(raw) and math.prod(n for n in shape if n) * max(dtype.itemsize, 1) > MAX_EMPTY:
        raise MalformedError('an empty array with an axis of impossible length')
    if dtype.kind == 'b' and len(raw) and np.frombuffer(raw, np.uint8).max() > 1:
        raise MalformedError('booleans that are neither 0 nor 1')
    if (
        dtype.kind == 'U'
        and len(raw)
        and np.frombuffer(raw, np.dtype('u4').newbyteorder(dtype.byteorder)).max() > 0x10FFFF
    ):
        raise MalformedError('text that is not Unicode')


def check_key(key: object, depth: int = 0) -> None:
    """Validate a key before it is hashed: it must be short, shallow, and of a type that cannot be made to collide.

    Raises:
        MalformedError: If pickles of records or weights have no such keys.
    """
    kind = type(key)
    if kind is str or key is None or kind in (bool, float, bytes):
        return
    if kind is int and -(2**63) <= key < 2**64:
        return
    if isinstance(key, np.generic) and key.dtype.kind in 'biufSU':
        return
    if kind in (tuple, frozenset) and depth < 3 and len(key) <= 16:
        for item in key:
            check_key(item, depth + 1)
        return
    raise MalformedError(f'a key of type {kind.__name__}, which is not allowed')


def _reconstruct(kind: object, shape: object, code: object) -> SafeArray:
    if type(kind) is not Name or not kind.path.endswith('ndarray'):
        raise pickle.UnpicklingError('an array of an unknown class')
    return np.ndarray.__new__(SafeArray, (0,))


def _dtype(code: object, align: object = False, copy: object = False) -> SafeDtype:
    return SafeDtype(code)


def _frombuffer(buffer: object, dtype: object, shape: object, order: object, axes: object = None) -> np.ndarray:
    if type(buffer) not in (bytes, bytearray) or type(dtype) is not SafeDtype:
        raise pickle.UnpicklingError('an array without plain numbers')
    check_array(shape, dtype.dtype, buffer)
    if order not in ('C', 'F') or axes is not None:
        raise pickle.UnpicklingError('an array whose order is neither C nor F')
    if not buffer or not dtype.dtype.itemsize:
        return np.zeros(shape, dtype.dtype, order)
    return np.frombuffer(buffer, dtype.dtype).reshape(shape, order=order)


def _scalar(dtype: object, raw: object = b'') -> np.generic:
    raw = raw.encode('latin1') if type(raw) is str else raw
    if type(dtype) is not SafeDtype or type(raw) is not bytes:
        raise pickle.UnpicklingError('a number without its bytes')
    check_array((), dtype.dtype, raw)
    return np.frombuffer(raw, dtype.dtype)[0] if raw else dtype.dtype.type()


def _encode(text: object, encoding: object = 'latin1') -> bytes:
    if type(text) is not str or encoding != 'latin1':
        raise pickle.UnpicklingError(f'bytes encoded as {shown(encoding)}')
    return text.encode('latin1')


def _bytes(content: object = b'', encoding: object = 'latin1') -> bytes:
    if type(content) is str:
        return _encode(content, encoding)
    if type(content) is list and all(type(n) is int and 0 <= n < 256 for n in content):  # protocol 0
        return bytes(content)
    if type(content) is not bytes:
        raise pickle.UnpicklingError(f'bytes made of {shown(content)}')
    return content


def _bytearray(content: object = b'', encoding: object = 'latin1') -> bytearray:
    return bytearray(_bytes(content, encoding))


def _complex(real: object = 0.0, imaginary: object = 0.0) -> complex:
    if type(real) not in (int, float) or type(imaginary) not in (int, float):
        raise pickle.UnpicklingError('a complex number not made of two numbers')
    return complex(real, imaginary)


def _items(content: object) -> list:
    if type(content) not in (list, tuple, set, frozenset):
        raise pickle.UnpicklingError(f'a set made of {shown(content)}')
    for item in content:
        check_key(item)
    return list(content)


def _set(content: object = ()) -> set:
    return set(_items(content))


def _frozenset(content: object = ()) -> frozenset:
    return frozenset(_items(content))


def _ordered(pairs: object = ()) -> OrderedDict:
    if type(pairs) not in (list, tuple) or any(type(pair) not in (list, tuple) or len(pair) != 2 for pair in pairs):
        raise pickle.UnpicklingError('a dict that is not made of pairs')
    for key, _ in pairs:
        check_key(key)
    return OrderedDict(pairs)


def _default_dict(factory: object = None) -> dict:
    """Read a defaultdict as a dict; its factory is not called."""
    if factory is not None and type(factory) is not Name:
        raise pickle.UnpicklingError('a defaultdict without a factory')
    return {}


def _counter(counts: object = None) -> dict:
    if counts is not None and type(counts) is not dict:
        raise pickle.UnpicklingError('a Counter that is not made of a dict')
    return dict(counts or {})


def _known() -> dict[tuple[str, str], Callable | None]:
    table: dict[tuple[str, str], Callable | None] = {
        ('numpy', 'ndarray'): None,
        ('numpy', 'dtype'): _dtype,
        ('collections', 'OrderedDict'): _ordered,
        ('collections', 'defaultdict'): _default_dict,
        ('collections', 'Counter'): _counter,
        ('_codecs', 'encode'): _encode,
    }
    for core in ('numpy.core', 'numpy._core'):  # NumPy 1 and 2
        table[f'{core}.multiarray', '_reconstruct'] = _reconstruct
        table[f'{core}.multiarray', 'scalar'] = _scalar
        table[f'{core}.numeric', '_frombuffer'] = _frombuffer
    for builtins in ('builtins', '__builtin__'):  # Python 3 and 2
        for kind in (int, float, str, bool, tuple, list, dict):  # the factory of a defaultdict
            table[builtins, kind.__name__] = None
        for name, build in (('bytearray', _bytearray), ('bytes', _bytes), ('complex', _complex)):
            table[builtins, name] = build
        table[builtins, 'set'], table[builtins, 'frozenset'] = _set, _frozenset
    return table


KNOWN: Mapping[tuple[str, str], Callable | None] = _known()
