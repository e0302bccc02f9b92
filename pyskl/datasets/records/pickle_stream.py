"""Annotation pickles larger than memory: read and written one record at a time.

A pickle is a program that builds its content on a stack; what it has built it may name again, by number, from a memo.
Here each record of the list ``annotations`` goes to a function as soon as it is complete, and the memo forgets its
arrays. It retains text and other small values, which pickles do refer to again. One that
names an array of an earlier record raises :class:`SharedObjectsError` and has to be read whole.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from pyskl.datasets.records.pickle_machine import Machine
from pyskl.datasets.records.pickle_memo import NotParallelError, SmallMemo
from pyskl.datasets.records.safe_pickle import BAR_BYTES, opened

FIRST = 2**20  # bytes of records that are read before others read on: what they share is in the memo then
BAR_STEP = 2**20  # bytes after which the bar moves


class _TakerError(Exception):
    """The function that gets the records raised; nothing is wrong with the pickle."""


class RecordReader(Machine):
    """Reads a pickle of numbers; the records go to ``take`` in place of the list ``annotations``."""

    dispatch = dict(Machine.dispatch)

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        take: Callable[[dict], None],
        bar: tqdm,
        rest: Callable[['RecordReader', tqdm], None] | None = None,
    ) -> None:
        super().__init__(file, size)
        self.memo = SmallMemo()
        self.file = file
        self._take, self._bar, self._rest = take, bar, rest
        self._first = self._under = None
        self.in_batch = False

    def load_empty_dict(self) -> None:
        """A record begins: those before it, behind the same mark, are complete."""
        top = type(self.stack[-1]) if self.stack else None
        behind = top is dict and self.metastack and _is_annotations(self.metastack[-1], self.metastack[:-1])
        if behind:
            items = self.stack[:]
            self.stack.clear()
            self._hand_over(items)
        alone = self._rest is not None and top is list and _is_annotations(self.stack, self.metastack)
        if not (behind or alone) or not self._left_to_others():
            super().load_empty_dict()

    def _left_to_others(self) -> bool:
        """Whether other processes have read on from before this record."""
        position = self.window.tell() - 1
        if self._first is None:
            self._first = position
        if self._rest is None or position - self._first < FIRST:
            return False
        self.in_batch = not self.stack  # what lies before a record that is one of a batch is a mark
        rest, self._rest = self._rest, None
        self.window.at -= 1
        rest(self, self._bar)
        return True

    def load_piece(self, batches: bool) -> None:
        """Run a piece of a pickle that consists of records, to its end.

        Args:
            batches: Whether a mark stands before the records.

        Raises:
            NotParallelError: If something else is left at its end.
        """
        self._under = [[]]
        self.metastack, self.stack = ([self._under], []) if batches else ([], self._under)
        self.append = self.stack.append
        self._run()
        if (
            len(self.metastack) != batches
            or (self.metastack or [self.stack])[0] is not self._under
            or len(self._under) != 1
        ):
            raise NotParallelError
        if batches:
            self._hand_over(self.stack)

    def _end(self) -> None:
        if self._under is None:
            super()._end()

    dispatch[pickle.EMPTY_DICT[0]] = load_empty_dict

    def appended(self, items: list) -> None:
        if type(self.stack[-1]) is list and _is_annotations(self.stack, self.metastack):
            self._hand_over(items)
        else:
            super().appended(items)

    def _hand_over(self, items: list) -> None:
        items.reverse()
        while items:
            record = items.pop()
            self.measure(record)
            try:
                self._take(record)
            except Exception as error:
                raise _TakerError from error
        self.memo.sweep()
        if self.window.tell() - self._bar.n > BAR_STEP:
            self._bar.update(self.window.tell() - self._bar.n)


def _is_annotations(stack: list, below: list[list]) -> bool:
    """Whether the last thing on the stack is the list of the records; ``below`` is what lies under the last marks."""
    if type(stack[-1]) is not list:
        return False
    if len(stack) == 1:
        return not below
    if type(stack[-2]) is not str or stack[-2] != 'annotations':
        return False
    if not below:  # a dict whose items are set one by one
        return len(stack) == 3 and type(stack[0]) is dict
    return len(below) == 1 and len(below[0]) == 1 and type(below[0][0]) is dict and len(stack) % 2 == 0


def stream_annotations(
    path: str | Path, take: Callable[[object], None], rest: Callable[[RecordReader, tqdm], None] | None = None
) -> object:
    """Read an annotation pickle, whatever its size, by the rules of :mod:`pyskl.datasets.records.safe_pickle`.

    Args:
        path: The pickle.
        take: Gets each item of the list ``annotations``, or of the list that the pickle consists of, in order.
        rest: Reads on where a record begins, once some have been read; see :mod:`pyskl.datasets.records.parallel`.

    Returns:
        The rest of the content: the same dict or list with that list empty.

    Raises:
        OSError: If the file is missing or cannot be read.
        ValueError: If it is not a pickle, is cut off, or names what could run code.
        SharedObjectsError: If it has to be read whole.
    """
    path = Path(path)
    try:
        with opened(path) as file:
            size = path.stat().st_size
            off = None if size >= BAR_BYTES else True  # None: shown where the output is a terminal
            with tqdm(total=size, unit='B', unit_scale=True, desc=f'reading {path.name}', disable=off) as bar:
                content = RecordReader(file, size, take, bar, rest).load()
                bar.update(size - bar.n)
    except _TakerError as error:
        raise error.__cause__ from None
    return content


class PickleWriter:
    """Writes an annotation pickle, one record at a time.

    Each record is a pickle of protocol 3 of its own, without its first and last opcode: there the memo is numbered, so
    that each begins it anew.

    Args:
        file: An empty file.
        bare: Whether the pickle is the list of records alone, without splits.
    """

    def __init__(self, file: BinaryIO, bare: bool = False) -> None:
        self._file, self._bare = file, bare
        file.write(pickle.PROTO + b'\x03')
        if not bare:
            file.write(pickle.EMPTY_DICT + pickle.MARK)
            self._put('annotations')
        file.write(pickle.EMPTY_LIST)

    def _put(self, value: object) -> None:
        self._file.write(pickle.dumps(value, protocol=3)[2:-1])

    def add(self, record: dict) -> None:
        """Append a record."""
        self._put(record)
        self._file.write(pickle.APPEND)

    def finish(self, splits: dict | None) -> None:
        """Add the splits, if there are any, and end the pickle."""
        if splits is not None:
            self._put('split')
            self._put(splits)
        self._file.write(pickle.STOP if self._bare else pickle.SETITEMS + pickle.STOP)
