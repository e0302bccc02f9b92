"""Read and write annotation pickles larger than memory, one record at a time.

A pickle is a program that builds its content on a stack and may refer to earlier objects by their number in a memo.
Here each record of the list ``annotations`` is passed to a function as soon as it is complete, and its arrays are
dropped from the memo. Text and other small values are retained, because pickles do refer to them again. A pickle that
refers to an array of an earlier record raises :class:`SharedObjectsError` and has to be read at once.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tqdm import tqdm

from pyskl.datasets.records.pickle_machine import Machine
from pyskl.datasets.records.pickle_memo import NotParallelError, SmallMemo
from pyskl.datasets.records.safe_pickle import BAR_BYTES, opened

FIRST = 2**20  # bytes of records read before other processes continue, so that shared values are in the memo
BAR_STEP = 2**20  # bytes between updates of the progress bar


class _TakerError(Exception):
    """The callback raised; the pickle itself is valid."""


class RecordReader(Machine):
    """Read a pickle of numbers; records are passed to ``take`` instead of being added to the list ``annotations``."""

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
        """Begin a record: the earlier ones after the same mark are complete."""
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
        """Let other processes read from this record on; return whether they did."""
        position = self.window.tell() - 1
        if self._first is None:
            self._first = position
        if self._rest is None or position - self._first < FIRST:
            return False
        self.in_batch = not self.stack  # a record in a batch is preceded by a mark
        rest, self._rest = self._rest, None
        self.window.at -= 1
        rest(self, self._bar)
        return True

    def load_piece(self, batches: bool) -> None:
        """Read a piece of a pickle that consists of whole records.

        Args:
            batches: Whether the records are preceded by a mark.

        Raises:
            NotParallelError: If the piece contains anything else.
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
    """Whether the top of the stack is the list of records; ``below`` holds the stacks under the marks."""
    if type(stack[-1]) is not list:
        return False
    if len(stack) == 1:
        return not below
    if type(stack[-2]) is not str or stack[-2] != 'annotations':
        return False
    if not below:  # the items of the dict are set one by one
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
        The rest of the content: the same dict or list, with the list of records empty.

    Raises:
        OSError: If the file is missing or cannot be read.
        ValueError: If it is not a pickle, is truncated, or names anything that could run code.
        SharedObjectsError: If it has to be read at once.
    """
    path = Path(path)
    try:
        with opened(path) as file:
            size = path.stat().st_size
            off = None if size >= BAR_BYTES else True  # None: shown if the output is a terminal
            with tqdm(total=size, unit='B', unit_scale=True, desc=f'reading {path.name}', disable=off) as bar:
                content = RecordReader(file, size, take, bar, rest).load()
                bar.update(size - bar.n)
    except _TakerError as error:
        raise error.__cause__ from None
    return content


class PickleWriter:
    """Write an annotation pickle, one record at a time.

    Each record is pickled separately with protocol 3 and written without the first and last opcode: that protocol
    numbers the memo explicitly, so every record may reuse the numbers.

    Args:
        file: An empty file.
        bare: Whether the pickle is the list of records only, without splits.
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
        """Write the splits, if any, and end the pickle."""
        if splits is not None:
            self._put('split')
            self._put(splits)
        self._file.write(pickle.STOP if self._bare else pickle.SETITEMS + pickle.STOP)
