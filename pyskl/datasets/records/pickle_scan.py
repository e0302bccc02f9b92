"""Find the positions between records at which an annotation pickle can be split, without building its content.

Only the lengths of opcodes and the nesting of marks are followed, which takes a tenth of the time of reading. A split
point precedes the EMPTY_DICT that begins a record. Whether it really separates records is checked when the pieces are
read (:mod:`pyskl.datasets.records.parallel`): at the end of a piece, the stack must contain whole records.
"""

import pickle
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pyskl.datasets.records.byte_window import ByteWindow

_LENGTHS = {
    0: ('NONE', 'NEWTRUE', 'NEWFALSE', 'EMPTY_TUPLE', 'EMPTY_LIST', 'EMPTY_SET', 'TUPLE1', 'TUPLE2', 'TUPLE3', 'APPEND',
        'SETITEM', 'REDUCE', 'NEWOBJ', 'BUILD', 'STACK_GLOBAL'),
    1: ('BININT1', 'BINGET', 'PROTO'),
    2: ('BININT2',),
    4: ('BININT', 'LONG_BINGET'),
    8: ('BINFLOAT', 'FRAME'),
}  # fmt: skip
_COUNTED = {  # opcodes whose argument is preceded by its length
    '<B': ('SHORT_BINUNICODE', 'SHORT_BINBYTES', 'LONG1', 'SHORT_BINSTRING'),
    '<I': ('BINUNICODE', 'BINBYTES'),
    '<Q': ('BINUNICODE8', 'BINBYTES8', 'BYTEARRAY8'),
}
_CLOSING = ('APPENDS', 'SETITEMS', 'ADDITEMS', 'TUPLE', 'LIST', 'DICT', 'FROZENSET')


def _code(name: str) -> int:
    return getattr(pickle, name)[0]


_FIXED = {_code(name): 1 + length for length, names in _LENGTHS.items() for name in names}
_COUNTS = {_code(name): struct.Struct(form) for form, names in _COUNTED.items() for name in names}
_CLOSES = frozenset(map(_code, _CLOSING))
_MARK, _MEMOIZE, _BINPUT, _LONG_BINPUT, _EMPTY_DICT, _APPENDS, _GLOBAL, _APPEND = map(
    _code, ('MARK', 'MEMOIZE', 'BINPUT', 'LONG_BINPUT', 'EMPTY_DICT', 'APPENDS', 'GLOBAL', 'APPEND')
)
_UINT = struct.Struct('<I')


@dataclass(frozen=True)
class Piece:
    """Bytes ``start`` to ``end`` of a pickle, which contain whole records.

    Args:
        start: Position of the first opcode.
        end: Position after the last opcode.
        slots: Number of memo entries before the piece.
        slots_after: Number of memo entries after the piece.
        rewrites: Whether the piece replaces earlier memo entries.
    """

    start: int
    end: int
    slots: int
    slots_after: int
    rewrites: bool


def pieces(window: ByteWindow, slots: int, size: int) -> Iterator[Piece]:
    """Split the records that begin at the position of ``window`` into pieces of at least ``size`` bytes.

    The last piece ends at a split point; the few records after it and the rest of the pickle are not included.

    Args:
        window: Positioned before a record.
        slots: Number of memo entries so far.
        size: Minimum number of bytes per piece.
    """
    start, before, rewrites = window.tell(), slots, False
    depth = 0
    while True:
        if len(window.data) - window.at < 16 and not window.fill() and window.at == len(window.data):
            return
        code = window.data[window.at]
        if code == _MEMOIZE:
            slots += 1
            window.at += 1
        elif code in _FIXED:
            window.at += _FIXED[code]
            if code == _APPEND and depth == 0 and not _next_is(window, _EMPTY_DICT):
                return  # that was the last record
        elif code in _COUNTS:
            form = _COUNTS[code]
            if len(window.data) - window.at <= form.size:
                return
            _skip(window, 1 + form.size + form.unpack_from(window.data, window.at + 1)[0])
        elif code == _MARK:
            depth += 1
            window.at += 1
        elif code in _CLOSES:
            depth -= 1
            window.at += 1
            if depth < 0 and (code != _APPENDS or not _next_is(window, _MARK)):
                return  # not a batch of records, or the last one
        elif code == _EMPTY_DICT:
            if depth == 0 and window.tell() - start >= size:
                yield Piece(start, window.tell(), before, slots, rewrites)
                start, before, rewrites = window.tell(), slots, False
            window.at += 1
        elif code in (_BINPUT, _LONG_BINPUT):
            long = code == _LONG_BINPUT
            if len(window.data) - window.at < 5:
                return
            number = _UINT.unpack_from(window.data, window.at + 1)[0] if long else window.data[window.at + 1]
            rewrites |= number < before
            slots = max(slots, number + 1)
            window.at += 5 if long else 2
        elif code == _GLOBAL:
            try:
                window.readline()
                window.readline()
            except EOFError:
                return
        else:
            return


def _skip(window: ByteWindow, count: int) -> None:
    if window.at + count <= len(window.data):
        window.at += count
    else:
        window.move(window.tell() + count)


def _next_is(window: ByteWindow, code: int) -> bool:
    """Whether ``code`` comes next; frames are skipped."""
    while True:
        if len(window.data) - window.at < 16:
            window.fill()
        found = window.data[window.at : window.at + 1]
        if found != pickle.FRAME:
            return found == bytes([code])
        window.at += 9
