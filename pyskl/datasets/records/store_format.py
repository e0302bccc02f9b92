"""File format of record stores: the header, and the encoding of a record as a block.

The file consists of a header of 64 bytes, one block per record, the tables, and the directory: a JSON object with the
locations of the tables and the kinds of records. The header holds the file size and the offset of the directory with a
CRC-32 of both; the directory holds a CRC-32 of each table, and a table one of each block. Opening a store reads only
header and directory, whose size does not depend on the number of records.

Records of one kind have the same keys with values of the same types. A block begins with the packed numbers of its
record: integers, shapes, and the offsets of its texts and arrays in the block.
"""

import base64
import json
import math
import struct
import zlib
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from pyskl.datasets.records.pickle_objects import MAX_AXES, check_array, check_key

VERSION = 2
MAGIC = b'pyskl\x00rs'
HEADER = struct.Struct('<8sIIQQ')  # magic, version, CRC-32, file size, start of the directory
ROW = struct.Struct('<QII')  # of the table 'rows': start of the block, kind, CRC-32
ALIGN = 64
MAX_KINDS = 1000  # records of further kinds are stored as JSON
DECODER = json.JSONDecoder()
_PLACE = struct.Struct('<QQQ')
_INT64 = 2**63

Field = tuple[str, str, object]  # key, code, what the code needs; the codes are those of _SIZES
Schema = tuple[Field, ...]


class TornStoreError(ValueError):
    """The file is not a complete store of this version, or is damaged."""


def header_crc(directory: bytes, start: int, size: int) -> int:
    """CRC-32 of the directory, its offset and the file size."""
    return zlib.crc32(struct.pack('<2Q', start, size), zlib.crc32(directory))


def block_crc(data: bytes | memoryview, index: int, start: int, kind: int) -> int:
    """CRC-32 of a block and its row, so that a row cannot point to another record's block."""
    return zlib.crc32(data, zlib.crc32(_PLACE.pack(index, start, kind)))


def encoded(value: object) -> object:
    """Convert ``value`` for JSON; types that JSON lacks become a dict with one item, whose key is the type.

    Raises:
        TypeError: If the type cannot be stored.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is list:
        return [encoded(item) for item in value]
    for name, kind in (('tuple', tuple), ('set', set), ('frozenset', frozenset)):
        if isinstance(value, kind):
            return {name: [encoded(item) for item in value]}
    if isinstance(value, dict):  # pairs, since keys need not be text
        name = 'ordered' if isinstance(value, OrderedDict) else 'dict'
        return {name: [[encoded(key), encoded(item)] for key, item in value.items()]}
    if isinstance(value, bytes | bytearray):
        return {type(value).__name__: base64.b64encode(value).decode()}
    if isinstance(value, complex) and not isinstance(value, np.generic):
        return {'complex': [value.real, value.imag]}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in 'biufcSU':
        array = np.ascontiguousarray(value)
        name = 'array' if isinstance(value, np.ndarray) else 'scalar'
        return {name: [value.dtype.str, list(value.shape), base64.b64encode(array.tobytes()).decode()]}
    if isinstance(value, list | int | float | str):  # a subclass, such as an enumeration
        plain = next(kind for kind in (list, int, float, str) if isinstance(value, kind))
        return encoded(plain(value))
    raise TypeError(type(value).__name__)


def decoded(value: object) -> object:
    """Invert :func:`encoded`."""
    if type(value) is list:
        return [decoded(item) for item in value]
    if type(value) is not dict:
        return value
    ((kind, content),) = value.items()
    return _DECODED[kind](content)


def _key(value: object) -> object:
    key = decoded(value)
    check_key(key)
    return key


def _array(content: Sequence) -> np.ndarray:
    name, shape, data = content
    dtype, raw = plain_dtype(name, 'biufcSU'), base64.b64decode(data)
    check_array(tuple(shape), dtype, raw)
    return np.frombuffer(raw, dtype).reshape(shape) if raw else np.zeros(shape, dtype)


_DECODED = {
    'tuple': lambda items: tuple(map(decoded, items)),
    'set': lambda items: set(map(_key, items)),
    'frozenset': lambda items: frozenset(map(_key, items)),
    'dict': lambda items: {_key(key): decoded(item) for key, item in items},
    'ordered': lambda items: OrderedDict((_key(key), decoded(item)) for key, item in items),
    'bytes': base64.b64decode,
    'bytearray': lambda text: bytearray(base64.b64decode(text)),
    'complex': lambda parts: complex(*parts),
    'array': _array,
    'scalar': lambda content: _array(content)[()],
}


def plain_dtype(name: str, kinds: str = 'biufc') -> np.dtype:
    """Return the NumPy dtype ``name``.

    Raises:
        ValueError: If its kind is not one of ``kinds``, or it is structured.
    """
    dtype = np.dtype(name) if isinstance(name, str) and len(name) < 10 and ',' not in name else None
    if dtype is None or dtype.kind not in kinds or dtype.names is not None or dtype.shape:
        raise ValueError(f'dtype {name!r}')
    return dtype


def _field(key: str, value: object) -> Field:
    """Choose how a value is stored."""
    kind = type(value)
    if kind is str:
        return key, 'text', None
    if kind is int or isinstance(value, np.integer):
        if -_INT64 <= value < _INT64:
            return (key, 'int', None) if kind is int else (key, 'scalar', value.dtype.str)
    elif kind is float:
        return key, 'float', None
    elif value is None or kind is bool:
        return key, 'same', value
    elif isinstance(value, np.ndarray) and value.dtype.kind in 'biufc':
        return key, 'array', (value.dtype.newbyteorder('=').str, value.ndim)
    elif kind is tuple and len(value) <= 8 and all(type(n) is int and -_INT64 <= n < _INT64 for n in value):
        return key, 'ints', len(value)
    return key, 'json', None


_SIZES = {
    'text': lambda _: 'QQ',  # start in the block, bytes
    'json': lambda _: 'QQ',
    'whole': lambda _: 'QQ',
    'int': lambda _: 'q',
    'scalar': lambda _: 'q',
    'float': lambda _: 'd',
    'same': lambda _: '',
    'ints': lambda count: 'q' * count,
    'array': lambda more: 'Q' * (1 + more[1]),  # start in the block, shape
}
WHOLE = (('', 'whole', None),)  # the schema of kind 0: the whole record is one JSON text


def schema_of(record: dict) -> Schema:
    """Return the keys of a record, in order, and how each value is stored."""
    return tuple(_field(str(key), value) for key, value in record.items())


class Kind:
    """Encode and decode the blocks of one kind of record.

    Args:
        schema: Keys and codes, as returned by :func:`schema_of`.

    Raises:
        ValueError: If the schema is invalid.
    """

    def __init__(self, schema: Sequence[Sequence]) -> None:
        self.fields, codes = [], '<'
        if len({key for key, _, _ in schema}) != len(schema):
            raise ValueError('a duplicate field')
        for key, code, more in schema:
            if not isinstance(key, str) or code not in _SIZES:
                raise ValueError(f'field {key!r} of code {code!r}')
            if code == 'array':
                more = (plain_dtype(more[0]), more[1])
            elif code == 'scalar':
                more = plain_dtype(more, 'iu').type
            if code in ('array', 'ints'):
                count = more[1] if code == 'array' else more
                if type(count) is not int or not 0 <= count <= MAX_AXES:
                    raise ValueError(f'field {key!r} of {count!r} numbers')
            elif code == 'same' and more not in (None, True, False):
                raise ValueError(f'field {key!r} that is always {more!r}')
            size = _SIZES[code](more)
            self.fields.append((key, code, len(codes) - 1, more))
            codes += size
        self._head = struct.Struct(codes)
        self._whole = [code for _, code, _, _ in self.fields] == ['whole']

    def write(self, record: dict) -> bytes:
        """Encode a record as a block whose length is a multiple of 64 bytes.

        Raises:
            TypeError: If a value cannot be stored.
        """
        values = [record] if self._whole else record.values()
        numbers, parts, size = [], [bytes(self._head.size)], self._head.size
        for (_, code, _, _), value in zip(self.fields, values, strict=True):
            if code in ('int', 'scalar'):
                numbers.append(int(value))
            elif code == 'float':
                numbers.append(value)
            elif code == 'ints':
                numbers.extend(value)
            elif code in ('text', 'json', 'whole'):
                text = value if code == 'text' else json.dumps(encoded(value), separators=(',', ':'))
                parts.append(text.encode('utf-8', 'surrogatepass'))
                numbers += [size, len(parts[-1])]
                size += len(parts[-1])
            elif code == 'array':
                parts.append(bytes(-size % ALIGN))
                size += len(parts[-1])
                array = np.ascontiguousarray(value, value.dtype.newbyteorder('='))
                numbers += [size, *value.shape]
                parts.append(array.tobytes())
                size += array.nbytes
        parts.append(bytes(-size % ALIGN))
        parts[0] = self._head.pack(*numbers)
        return b''.join(parts)

    def read(self, block: bytes) -> dict:
        """Decode the record of a block; its arrays are views of the block.

        Raises:
            ValueError, TypeError, OverflowError, MemoryError, KeyError, RecursionError, struct.error: If it is not a
                block of this kind.
        """
        numbers = self._head.unpack_from(block)
        record = {}
        for key, code, at, more in self.fields:
            if code == 'array':
                dtype, ndim = more
                place, shape = numbers[at], numbers[at + 1 : at + 1 + ndim]
                size = math.prod(shape) * dtype.itemsize
                check_array(shape, dtype, memoryview(block)[place : place + size])
                record[key] = np.ndarray(shape, dtype, block, place)
            elif code in ('int', 'float'):
                record[key] = numbers[at]
            elif code == 'ints':
                record[key] = numbers[at : at + more]
            elif code == 'same':
                record[key] = more
            elif code == 'scalar':
                record[key] = more(numbers[at])
            else:
                begin, size = numbers[at : at + 2]
                if begin + size > len(block):
                    raise ValueError(f'text of {size} bytes at {begin}')
                text = str(block[begin : begin + size], 'utf-8', 'surrogatepass')
                record[key] = text if code == 'text' else decoded(DECODER.decode(text))
        if not self._whole:
            return record
        if not isinstance(record[''], dict):
            raise TypeError('a record that is not a dict')
        return record['']
