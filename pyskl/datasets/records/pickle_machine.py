"""Restricted virtual machine for pickles: it supports what files of numbers need, within limits.

It builds lists, tuples, dicts, sets, numbers, text and what :mod:`pyskl.datasets.records.pickle_objects` admits. No
opcode imports or calls anything of the file's choice. Time and memory are proportional to the file size: lengths are
compared with the remaining bytes, depth is limited, and a container that is referred to several times is counted each
time.
"""

import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import BinaryIO

from pyskl.datasets.records.byte_window import ByteWindow
from pyskl.datasets.records.pickle_memo import Memo
from pyskl.datasets.records.pickle_objects import KNOWN, ForbiddenGlobal, Name, SafeArray, SafeDtype, check_key, shown

MAX_DEPTH = 64  # containers within containers
MAX_INT_BITS = 2040  # the longest that LONG1 holds
# Limits: a constant, plus a number per byte of the file.
ENTRIES = 2**20, 2  # entries of all containers
BYTES = 2**28, 32  # bytes of arrays and text, counted for each reference
CONTAINERS = 2**14, 0.5
_ATOMS = frozenset((type(None), bool, int, float, complex, Name, SafeDtype))
_FLAT = (list, tuple, set, frozenset)
_TEXT = frozenset((str, bytes, bytearray))
STATES: Mapping[type, Callable[[object, object], None]] = {
    SafeArray: SafeArray.set_state,
    SafeDtype: SafeDtype.set_state,
}

# Opcodes whose implementation in the standard library is used. All others are implemented below or rejected.
_STANDARD = (
    'PROTO', 'STOP', 'NONE', 'NEWTRUE', 'NEWFALSE', 'BININT', 'BININT1', 'BININT2', 'FLOAT', 'BINFLOAT',
    'STRING', 'BINSTRING', 'SHORT_BINSTRING', 'BINBYTES', 'SHORT_BINBYTES', 'BINBYTES8',
    'UNICODE', 'BINUNICODE', 'SHORT_BINUNICODE', 'BINUNICODE8', 'EMPTY_TUPLE', 'LIST',
    'PUT', 'BINPUT', 'LONG_BINPUT', 'MEMOIZE', 'GET', 'BINGET', 'LONG_BINGET',
    'GLOBAL', 'STACK_GLOBAL', 'PERSID', 'BINPERSID', 'EXT1', 'EXT2', 'EXT4',
)  # fmt: skip


# Opcodes that the reader runs inline, and the maximum length of one in bytes.
_LONGEST = 5 + 255
_MEMOIZE, _BINGET, _LONG_BINGET, _BINPUT, _LONG_BINPUT, _BININT1, _BININT2, _SHORT_BINUNICODE, _BINUNICODE = (
    getattr(pickle, name)[0]
    for name in (
        'MEMOIZE', 'BINGET', 'LONG_BINGET', 'BINPUT', 'LONG_BINPUT', 'BININT1', 'BININT2', 'SHORT_BINUNICODE',
        'BINUNICODE',
    )
)  # fmt: skip
_CONSTANTS = {pickle.NONE[0]: None, pickle.NEWTRUE[0]: True, pickle.NEWFALSE[0]: False}
_unpack_uint = struct.Struct('<I').unpack_from


class Machine(pickle._Unpickler):
    """Read one pickle.

    Args:
        file: The pickle, positioned at its start.
        size: Its number of bytes.
        names: Admitted (module, name), each with the function that a call of it runs; None if it cannot be called.
        persistent: Builds objects from persistent ids; None rejects them.
        states: For each type that may have a state, the function that validates and sets it.
        whole: Size in bytes that the limits are proportional to, if the pickle is part of a larger file.
    """

    dispatch = {getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]] for name in _STANDARD}

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        names: Mapping[tuple[str, str], Callable | None] = KNOWN,
        persistent: Callable[[object], object] | None = None,
        states: Mapping[type, Callable[[object, object], None]] = STATES,
        whole: int | None = None,
    ) -> None:
        super().__init__(file, encoding='latin1')
        self.window = ByteWindow(file, size)
        self.read, self.readline = self.window.read, self.window.readline
        self._names, self._persistent = names, persistent
        self._states, self._whole = states, size if whole is None else whole
        self.memo = Memo()
        self._tokens: dict[tuple[str, str], Name] = {}
        self._entries, self._bytes, self._containers, self._built = 0, 0, 0, 0
        self._most_containers = CONTAINERS[0] + int(CONTAINERS[1] * self._whole)
        self._most_entries, self._most_bytes = (least + share * self._whole for least, share in (ENTRIES, BYTES))

    def load(self) -> object:
        """Read and return the content.

        Raises:
            ForbiddenGlobal: If the pickle names or calls anything that is not admitted.
            Exception: One of :data:`pyskl.datasets.records.safe_pickle.BROKEN` if it is damaged or exceeds a limit.
        """
        self.metastack, self.stack, self.proto = [], [], 0
        self.append = self.stack.append
        try:
            self._run()
        except pickle._Stop as stop:
            self.window.close()
            self.measure(stop.value)
            return stop.value
        except struct.error:
            raise EOFError('unexpected end of file within a number') from None

    def _run(self) -> None:
        """Run opcodes until STOP: short ones that only push a value inline, others by their methods."""
        window, dispatch, refuse = self.window, self.dispatch, type(self)._refuse
        memo, slots = self.memo, self.memo.slots
        while True:
            stack, append = self.stack, self.append
            data, at = window.data, window.at
            end = len(data) - _LONGEST
            while at < end:
                code = data[at]
                if code == _MEMOIZE:
                    slots.append(stack[-1])
                    at += 1
                elif code == _BINGET:
                    append(memo[data[at + 1]])
                    at += 2
                elif code == _LONG_BINGET:
                    append(memo[_unpack_uint(data, at + 1)[0]])
                    at += 5
                elif code == _SHORT_BINUNICODE:
                    stop = at + 2 + data[at + 1]
                    append(str(data[at + 2 : stop], 'utf-8', 'surrogatepass'))
                    at = stop
                elif code == _BININT1:
                    append(data[at + 1])
                    at += 2
                elif code == _BININT2:
                    append(data[at + 1] | data[at + 2] << 8)
                    at += 3
                elif code == _BINPUT:
                    memo[data[at + 1]] = stack[-1]
                    at += 2
                elif code == _LONG_BINPUT:
                    memo[_unpack_uint(data, at + 1)[0]] = stack[-1]
                    at += 5
                elif code == _BINUNICODE and (size := _unpack_uint(data, at + 1)[0]) < 256:
                    append(str(data[at + 5 : at + 5 + size], 'utf-8', 'surrogatepass'))
                    at += 5 + size
                elif code in _CONSTANTS:
                    append(_CONSTANTS[code])
                    at += 1
                else:
                    break
            window.at = at
            if at == len(data) and not window.fill():
                self._end()
                return
            code = window.data[window.at]
            window.at += 1
            dispatch.get(code, refuse)(self)

    def _end(self) -> None:
        """Raise for a pickle that ends without STOP."""
        raise EOFError('unexpected end of file')

    def measure(self, content: object) -> None:
        """Count entries and bytes of ``content`` level by level, shared objects each time they are referred to.

        Raises:
            pickle.UnpicklingError: If it exceeds the limits on depth or size.
        """
        level, depth = [content], 0
        while level:
            depth += 1
            if depth > MAX_DEPTH:
                raise pickle.UnpicklingError(f'containers nested more than {MAX_DEPTH} deep')
            below: list = []
            for value in level:
                kind = type(value)
                if kind in _ATOMS:
                    continue
                if kind in _TEXT:
                    self._bytes += len(value)
                elif kind in _FLAT:
                    self._count(len(value))
                    below += value
                elif kind is dict or kind is OrderedDict:
                    self._count(len(value))
                    below += value
                    below += value.values()
                elif hasattr(value, 'nbytes'):  # arrays, their scalars, tensors
                    self._bytes += value.nbytes
                elif kind not in self._states:
                    raise pickle.UnpicklingError(f'an object of type {kind.__name__}')
            self._check_bytes(self._bytes)
            level = below

    def _check_bytes(self, count: int) -> None:
        if count > self._most_bytes:
            raise pickle.UnpicklingError(f'{count} bytes of content in a file of {self._whole}')

    def _count(self, entries: int) -> None:
        self._entries += entries
        if self._entries > self._most_entries:
            raise pickle.UnpicklingError(f'containers with {self._entries} entries in a file of {self._whole} bytes')

    def _made(self, weight: int = 1) -> None:
        self._containers += weight
        if self._containers > self._most_containers:
            raise pickle.UnpicklingError(f'too many containers for a file of {self._whole} bytes')

    def _refuse(self) -> None:
        raise pickle.UnpicklingError('an opcode that pickles of numbers do not use')

    def load_frame(self) -> None:
        """Skip a frame's length, a hint for buffering: the file is buffered already."""
        self.read(8)

    def load_bytearray8(self) -> None:
        self.append(bytearray(self.read(struct.unpack('<Q', self.read(8))[0])))

    # -- whole numbers

    def load_int(self) -> None:
        line = self.readline()[:-1]
        self.append(line == b'01' if line in (b'00', b'01') else _whole(line))

    def load_long(self) -> None:
        self.append(_whole(self.readline()[:-1].removesuffix(b'L')))

    def load_long1(self) -> None:
        self.append(int.from_bytes(self.read(self.read(1)[0]), 'little', signed=True))

    def load_long4(self) -> None:
        (count,) = struct.unpack('<i', self.read(4))
        if not 0 <= count * 8 <= MAX_INT_BITS + 8:
            raise pickle.UnpicklingError(f'an integer of {count} bytes')
        self.append(int.from_bytes(self.read(count), 'little', signed=True))

    # -- containers

    def load_mark(self) -> None:
        if len(self.metastack) > MAX_DEPTH:
            raise pickle.UnpicklingError(f'containers nested more than {MAX_DEPTH} deep')
        self.metastack.append(self.stack)
        self.stack = []
        self.append = self.stack.append

    def load_empty_dict(self) -> None:
        self._made()
        self.append({})

    def load_empty_list(self) -> None:
        self._made()
        self.append([])

    def load_empty_set(self) -> None:
        self._made(4)
        self.append(set())

    def load_frozenset(self) -> None:
        self._made(4)
        items = self.pop_mark()
        for item in items:
            check_key(item)
        self.append(frozenset(items))

    def load_tuple(self) -> None:
        self._made()
        items = self.pop_mark()
        self.append(tuple(items))

    def load_tuple1(self) -> None:
        self._made()
        self.stack[-1] = (self.stack[-1],)

    def load_tuple2(self) -> None:
        self._made()
        self.stack[-2:] = [(self.stack[-2], self.stack[-1])]

    def load_tuple3(self) -> None:
        self._made()
        self.stack[-3:] = [(self.stack[-3], self.stack[-2], self.stack[-1])]

    def load_dict(self) -> None:
        self._made()
        items = self.pop_mark()
        self.append({})
        self._set_items(items)

    def load_append(self) -> None:
        self.appended([self.stack.pop()])

    def load_appends(self) -> None:
        self.appended(self.pop_mark())

    def appended(self, items: list) -> None:
        """Add items to the list on top of the stack."""
        if type(self.stack[-1]) is not list:
            raise pickle.UnpicklingError(f'items for a {type(self.stack[-1]).__name__}, which is not a list')
        self.stack[-1].extend(items)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def load_setitems(self) -> None:
        self._set_items(self.pop_mark())

    def _set_items(self, items: list) -> None:
        target = self.stack[-1]
        if type(target) is not dict and type(target) is not OrderedDict:
            raise pickle.UnpicklingError(f'keys for a {type(target).__name__}, which is not a dict')
        for i in range(0, len(items), 2):
            key = items[i]
            if type(key) is not str:
                check_key(key)
            target[key] = items[i + 1]

    def load_additems(self) -> None:
        items = self.pop_mark()
        if type(self.stack[-1]) is not set:
            raise pickle.UnpicklingError(f'members for a {type(self.stack[-1]).__name__}, which is not a set')
        for item in items:
            check_key(item)
        self.stack[-1].update(items)

    # -- names and calls

    def find_class(self, module: str, name: str) -> Name:
        """Return the token of an admitted name."""
        key = module, name
        if key not in self._tokens:
            if key not in self._names:
                raise ForbiddenGlobal(f'{module}.{name}')
            self._tokens[key] = Name(f'{module}.{name}', self._names[key])
        return self._tokens[key]

    def load_inst(self) -> None:
        module, name = (self.readline()[:-1].decode('utf-8') for _ in range(2))
        raise ForbiddenGlobal(f'{module}.{name}')

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        self.stack[-1] = self._called(self.stack[-1], arguments)

    load_newobj = load_reduce

    def _called(self, name: object, arguments: object) -> object:
        if type(name) is not Name:
            raise pickle.UnpicklingError(f'a call of a {type(name).__name__}')
        self._made(4)
        made = name.build(arguments)
        if type(made) is not SafeArray and type(made) is not SafeDtype:  # these are charged for their state
            self._charge(made)
        return made

    def _charge(self, made: object) -> None:
        """Count what calls build: they copy their arguments, which a file can repeat in two bytes."""
        if hasattr(made, 'nbytes'):
            self._built += made.nbytes
        elif hasattr(made, '__len__'):
            self._built += len(made) * (1 if type(made) in _TEXT else 64)
        self._check_bytes(self._built)

    def load_build(self) -> None:
        state = self.stack.pop()
        self.set_state(self.stack[-1], state)

    def set_state(self, target: object, state: object) -> None:
        """Set the state of an object whose type is in ``states``."""
        if type(target) not in self._states:
            raise pickle.UnpicklingError(f'a state for a {type(target).__name__}')
        self._states[type(target)](target, state)
        self._charge(target)

    def persistent_load(self, pid: object) -> object:
        """Return the object of a persistent id."""
        if self._persistent is None:
            raise ForbiddenGlobal(f'the persistent id {shown(pid)}')
        return self._persistent(pid)

    def get_extension(self, code: int) -> None:
        """Reject codes of the process's extension registry."""
        raise ForbiddenGlobal(f'the extension code {code}')


_OURS = (
    'FRAME', 'BYTEARRAY8', 'INT', 'LONG', 'LONG1', 'LONG4', 'MARK', 'EMPTY_DICT', 'EMPTY_LIST', 'EMPTY_SET',
    'FROZENSET', 'TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3', 'DICT', 'APPEND', 'APPENDS', 'SETITEM', 'SETITEMS', 'ADDITEMS',
    'INST', 'REDUCE', 'NEWOBJ', 'BUILD',
)  # fmt: skip
Machine.dispatch.update({getattr(pickle, name)[0]: getattr(Machine, f'load_{name.lower()}') for name in _OURS})


def _whole(line: bytes) -> int:
    if len(line) > MAX_INT_BITS // 3:
        raise pickle.UnpicklingError(f'an integer of {len(line)} digits')
    return int(line, 10)
