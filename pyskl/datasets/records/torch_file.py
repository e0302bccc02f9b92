"""Reader for files written by ``torch.save`` that does not trust them: tensors are built from bytes that are present.

It reads three formats: a zip archive with a pickle and one entry per storage (torch 1.6 and later); several pickles
followed by the storages; and tensors within a plain pickle, each with its storage in the second format. The pickles
are read by :mod:`pyskl.datasets.records.pickle_machine`.
"""

import io
import math
import pickle
import re
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from pyskl.datasets.records.pickle_machine import STATES, Machine
from pyskl.datasets.records.pickle_objects import KNOWN, MAX_AXES, MAX_EMPTY, ForbiddenGlobal, Name, shown

MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the second format
_MOST_REPEATED = 2**24  # maximum number of elements a tensor may have beyond its storage, through strides of 0
_ZIP = b'PK\x03\x04'

_STORAGES = {
    'Double': torch.float64, 'Float': torch.float32, 'Half': torch.float16, 'BFloat16': torch.bfloat16,
    'Long': torch.int64, 'Int': torch.int32, 'Short': torch.int16, 'Char': torch.int8, 'Byte': torch.uint8,
    'Bool': torch.bool, 'ComplexFloat': torch.complex64, 'ComplexDouble': torch.complex128,
}  # fmt: skip
_DTYPES = {str(dtype).removeprefix('torch.'): dtype for dtype in _STORAGES.values()}


class Storage:
    """Bytes of a file, shared by tensors.

    Args:
        raw: The bytes; in the second format they are filled in later.
        dtype: Element type; None for untyped bytes.
    """

    __slots__ = ('dtype', 'raw')

    def __init__(self, raw: bytearray, dtype: torch.dtype | None) -> None:
        self.raw, self.dtype = raw, dtype

    @property
    def nbytes(self) -> int:
        """Always 0: bytes are counted for the tensors that view them."""
        return 0

    def flat(self, dtype: torch.dtype) -> Tensor:
        """View the whole storage as a 1D tensor of ``dtype``."""
        count = len(self.raw) // dtype.itemsize
        return torch.frombuffer(self.raw, dtype=dtype, count=count) if count else torch.zeros(0, dtype=dtype)


def rebuild(storage: object, offset: object, size: object, stride: object, *_: object) -> Tensor:
    """Build a tensor that lies within its storage; replaces ``torch._utils._rebuild_tensor_v2``.

    Raises:
        pickle.UnpicklingError: If an element would lie outside, or an argument is of another type.
    """
    if type(storage) is not Storage or storage.dtype is None:
        raise pickle.UnpicklingError('a tensor without storage')
    return _view(storage, storage.dtype, offset, size, stride)


def _rebuild_typed(storage: object, offset: object, size: object, stride: object, *more: object) -> Tensor:
    dtype = more[2] if len(more) > 2 else None
    if type(storage) is not Storage or type(dtype) is not Name or dtype.path.removeprefix('torch.') not in _DTYPES:
        raise pickle.UnpicklingError('a tensor without storage or dtype')
    return _view(storage, _DTYPES[dtype.path.removeprefix('torch.')], offset, size, stride)


def _view(storage: Storage, dtype: torch.dtype, offset: object, size: object, stride: object) -> Tensor:
    sizes = _whole_numbers(size), _whole_numbers(stride), _whole_numbers((offset,))
    if any(numbers is None for numbers in sizes) or len(size) != len(stride) or len(size) > MAX_AXES:
        raise pickle.UnpicklingError(f'a tensor of size {shown(str(size))} and stride {shown(str(stride))}')
    flat = storage.flat(dtype)
    reach = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True)) + 1 if 0 not in size else offset
    if reach > len(flat):
        raise pickle.UnpicklingError(f'a tensor that extends to element {reach} of a storage of {len(flat)}')
    if math.prod(size) > len(flat) + _MOST_REPEATED or math.prod(n for n in size if n) > max(len(flat), MAX_EMPTY):
        raise pickle.UnpicklingError(f'a tensor of size {shown(str(size))} in a storage of {len(flat)} elements')
    if max(stride, default=0) >= 2**62:
        raise pickle.UnpicklingError(f'a tensor of stride {shown(str(stride))}')
    return flat.as_strided(size, stride, offset)


def _whole_numbers(values: object) -> tuple | None:
    ok = type(values) is tuple and all(type(n) is int and 0 <= n < 2**62 for n in values)
    return values if ok else None


def _parameter(data: object, *_: object) -> Tensor:
    if not isinstance(data, Tensor):
        raise pickle.UnpicklingError('a parameter that is not a tensor')
    return data


def _of_subclass(function: object, kind: object, arguments: object, state: object = None) -> Tensor:
    if type(function) is not Name or not function.path.startswith('torch._utils._rebuild_'):
        raise pickle.UnpicklingError('a tensor rebuilt by another function')
    return _parameter(function.build(arguments))


def _size(numbers: object = ()) -> tuple:
    numbers = tuple(numbers) if type(numbers) is list else numbers
    if _whole_numbers(numbers) is None:
        raise pickle.UnpicklingError('a size that is not whole numbers')
    return numbers


def _device(kind: object, index: object = 0) -> str:
    if type(kind) is not str or not re.fullmatch(r'[a-z]{1,16}(:\d{1,4})?', kind, re.ASCII) or type(index) is not int:
        raise pickle.UnpicklingError('a device without a name')
    return kind


TENSORS: Mapping[tuple[str, str], Callable | None] = {
    ('torch._utils', '_rebuild_tensor'): rebuild,
    ('torch._utils', '_rebuild_tensor_v2'): rebuild,
    ('torch._utils', '_rebuild_tensor_v3'): _rebuild_typed,
    ('torch._utils', '_rebuild_parameter'): _parameter,
    ('torch._utils', '_rebuild_parameter_with_state'): _parameter,
    ('torch._tensor', '_rebuild_from_type_v2'): _of_subclass,
    ('torch.nn.parameter', 'Parameter'): _parameter,
    ('torch', 'Size'): _size,
    ('torch', 'device'): _device,
    ('torch', 'Tensor'): None,
    ('torch.storage', 'UntypedStorage'): None,
    **{('torch', f'{name}Storage'): None for name in _STORAGES},
    **{('torch', name): None for name in _DTYPES},
}


def _set_attributes(target: OrderedDict, state: object) -> None:
    """Ignore the attributes of a state dict: they hold module versions, which no network here reads."""
    if type(state) is not dict:
        raise pickle.UnpicklingError('an OrderedDict with an unexpected state')


_STATES = {**STATES, OrderedDict: _set_attributes}


def load_bytes(raw: object) -> Storage:
    """Read a storage in a plain pickle; replaces ``torch.storage._load_from_bytes``."""
    if type(raw) is not bytes:
        raise pickle.UnpicklingError('a storage that is not bytes')
    storage = _read_chain(io.BytesIO(raw), len(raw), {}, {})
    if type(storage) is not Storage:
        raise pickle.UnpicklingError('a tensor without storage')
    return storage


def read_torch(
    path: str | Path,
    names: Mapping[tuple[str, str], Callable | None],
    states: Mapping[type, Callable[[object, object], None]],
) -> object:
    """Read the content of a file, with its tensors on the CPU.

    Args:
        path: The file.
        names: Names admitted in addition to numbers, containers and tensors; see :class:`Machine`.
        states: Functions that set the state of these, by type.

    Raises:
        OSError: If the file cannot be read.
        ForbiddenGlobal: If it names or calls anything else.
        Exception: One of :data:`pyskl.datasets.records.safe_pickle.BROKEN` if it is damaged or of another format.
    """
    with open(path, 'rb') as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if file.read(4) == _ZIP:
            return _read_zip(file, size, names, states)
        file.seek(0)
        return _read_chain(file, size, names, states)


def _dtype_of(pid: object) -> tuple[torch.dtype | None, str, int]:
    """Return element type, key and number of elements of a validated persistent id."""
    if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != 'storage' or type(pid[1]) is not Name:
        raise ForbiddenGlobal(f'the persistent id {shown(str(pid)[:100]) if type(pid) is str else type(pid).__name__}')
    _, kind, key, _, count = pid[:5]
    name = kind.path.rpartition('.')[2].removesuffix('Storage')
    if (name not in _STORAGES and name != 'Untyped') or type(key) is not str or _whole_numbers((count,)) is None:
        raise pickle.UnpicklingError(f'a storage of type {kind.path}')
    return _STORAGES.get(name), key, count


def _checked_values(storage: Storage) -> None:
    if storage.dtype is torch.bool and len(storage.raw) and max(storage.raw) > 1:
        raise pickle.UnpicklingError('booleans that are neither 0 nor 1')


def _read_zip(file: BinaryIO, size: int, names: Mapping, states: Mapping) -> object:
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise EOFError(f'the table of contents at the end of the archive is missing after {size} bytes') from None
    entries = {info.filename.partition('/')[2]: info for info in archive.infolist()}
    loaded: dict[str, Storage] = {}

    def content(name: str) -> bytearray:
        if name not in entries:
            raise pickle.UnpicklingError(f'an archive without {shown(name)}')
        info = entries[name]
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > size or info.flag_bits & 1:
            raise pickle.UnpicklingError(f'an archive with the compressed entry {shown(name)}')
        data = bytearray(info.file_size)
        with archive.open(info) as entry:
            if entry.readinto(data) != len(data) or entry.read(1):
                raise EOFError(f'{shown(name)} is truncated')
        return data

    def storage(pid: object) -> Storage:
        dtype, key, count = _dtype_of(pid)
        if key not in loaded:
            loaded[key] = Storage(content(f'data/{key}'), dtype)
            if sum(len(other.raw) for other in loaded.values()) > size:
                raise pickle.UnpicklingError('storages with more bytes than the file')
        found = Storage(loaded[key].raw, dtype)
        if count * (dtype.itemsize if dtype else 1) != len(found.raw):
            raise pickle.UnpicklingError(f'a storage of {count} elements in {len(found.raw)} bytes')
        _checked_values(found)
        return found

    if 'byteorder' in entries and content('byteorder') != b'little':
        raise pickle.UnpicklingError('numbers that are not little-endian')
    data = bytes(content('data.pkl'))
    known = {**KNOWN, **TENSORS, **names}
    return Machine(io.BytesIO(data), len(data), known, storage, {**_STATES, **states}, size).load()


def _read_chain(file: BinaryIO, size: int, names: Mapping, states: Mapping) -> object:
    if Machine(file, size).load() != MAGIC:
        raise pickle.UnpicklingError('a file that was not written by torch.save')
    protocol, system = Machine(file, size).load(), Machine(file, size).load()
    if protocol != 1001 or not isinstance(system, dict) or system.get('little_endian') is not True:
        raise pickle.UnpicklingError('numbers that are not little-endian, or an unknown protocol version')
    storages: dict[str, Storage] = {}
    announced = 0

    def storage(pid: object) -> Storage:
        nonlocal announced
        dtype, key, count = _dtype_of(pid)
        if dtype is None:
            raise pickle.UnpicklingError('a storage without dtype')
        if key not in storages:
            announced += count * dtype.itemsize
            if announced > size:
                raise EOFError(f'unexpected end of file: its storages need {announced} bytes')
            storages[key] = Storage(bytearray(count * dtype.itemsize), dtype)
        if storages[key].dtype is not dtype or len(storages[key].raw) != count * dtype.itemsize:
            raise pickle.UnpicklingError('a storage with two types or lengths')
        if len(pid) == 6 and pid[5] is not None:
            raise pickle.UnpicklingError('a part of a storage, which torch wrote before version 0.4')
        return storages[key]

    known = {**KNOWN, **TENSORS, **names}
    content = Machine(file, size, known, storage, {**_STATES, **states}).load()
    keys = Machine(file, size).load()
    if type(keys) is not list or set(keys) != set(storages) or len(keys) != len(storages):
        raise pickle.UnpicklingError('a list of storages that does not match the tensors')
    for key in keys:
        found = storages[key]
        head = file.read(8)
        if len(head) != 8 or struct.unpack('<q', head)[0] * found.dtype.itemsize != len(found.raw):
            raise EOFError('a storage whose length differs from the announced one')
        if file.readinto(memoryview(found.raw)) != len(found.raw):
            raise EOFError('unexpected end of file within the storages')
        _checked_values(found)
    return content
