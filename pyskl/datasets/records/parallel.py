"""Read, validate and encode an annotation pickle in parallel processes, with the same restrictions as in one.

The pickle is split between records (:mod:`pyskl.datasets.records.pickle_scan`). Each piece is read by a separate
process, which returns the encoded records and the text in its memo; this process appends them in order. A piece that
refers to another value of an earlier piece is read here, with that value. If anything else is unexpected (a piece does
not consist of whole records, or a process dies), :class:`NotParallelError` is raised and the file is read by a single
process, whose result is decisive.
"""

import contextlib
import io
import multiprocessing
import os
import signal
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import NamedTuple

from tqdm import tqdm

from pyskl.datasets.records.annotations import plain_arrays
from pyskl.datasets.records.byte_window import ByteWindow
from pyskl.datasets.records.pickle_memo import UNKNOWN, Absent, NotParallelError, SmallMemo, UnknownSlotError
from pyskl.datasets.records.pickle_scan import Piece, pieces
from pyskl.datasets.records.pickle_stream import RecordReader
from pyskl.datasets.records.store_entry import Entry, EntryMaker

PIECE = 2**23  # bytes per piece: large enough for the reader's limits, which are proportional to the size
MAX_RESCUED = 64  # pieces read twice before falling back to a single process
ANSWER_SECONDS = 600.0  # timeout for one piece


def cores() -> int:
    """Number of processes to read with: 1 on systems without fork, or within a loader worker."""
    if sys.platform != 'linux' or multiprocessing.current_process().daemon:
        return 1
    return len(os.sched_getaffinity(0))


class _PieceMemo(SmallMemo):
    """Memo of a piece: its own entries follow those of the preceding pieces, of which some are known."""

    def __init__(self, before: int, known: dict[int, object], base: list) -> None:
        super().__init__()
        self._before, self._known, self._base, self._replaced = before, known, base, {}

    def __len__(self) -> int:
        return self._before + len(self.slots)

    def __setitem__(self, number: int, value: object) -> None:
        if number >= self._before:
            super().__setitem__(number - self._before, value)
        else:
            self._replaced[number] = value

    def __getitem__(self, number: int) -> object:
        if number >= self._before:
            return super().__getitem__(number - self._before)
        for known in (self._replaced, self._known):
            if number in known:
                return known[number]
        value = self._base[number] if 0 <= number < len(self._base) else UNKNOWN
        if type(value) is Absent:
            raise value.error(number)
        return value


class _Task(NamedTuple):
    piece: Piece
    known: dict[int, object]  # memo entries before the piece, in addition to those of the first piece
    based: bool  # whether the memo entries of the first piece are still valid


class _Answer(NamedTuple):
    entries: list[Entry]
    texts: dict[int, str]  # text in the memo, by number
    warned: list[str]


class PieceWork:
    """Read pieces of a pickle.

    Args:
        descriptor: File descriptor of the pickle.
        base: The memo at the start of the first piece.
        batches: Whether records are in batches that begin with a mark.
        key: The key that splits refer to.
        maker: Creates the entries.
    """

    def __init__(self, descriptor: int, base: list, batches: bool, key: str, maker: EntryMaker) -> None:
        self._descriptor, self._base, self._batches = descriptor, base, batches
        self._key, self._maker = key, maker

    def run(self, task: _Task) -> tuple[list[Entry], SmallMemo]:
        """Return the entries of a piece, and its memo.

        Raises:
            UnknownSlotError: If it refers to an unknown object.
            NotParallelError: If it does not consist of whole records.
        """
        piece, entries = task.piece, []

        def take(record: object) -> None:
            if type(record) is not dict:
                raise NotParallelError
            entries.append(self._maker.entry(plain_arrays(record), self._key))

        data = os.pread(self._descriptor, piece.end - piece.start, piece.start)
        if len(data) != piece.end - piece.start:
            raise NotParallelError
        with tqdm(disable=True) as bar:
            reader = RecordReader(io.BytesIO(data), len(data), take, bar)
            reader.memo = memo = _PieceMemo(piece.slots, task.known, self._base if task.based else [])
            reader.load_piece(self._batches)
        return entries, memo

    def answer(self, task: _Task) -> _Answer | int | None:
        """Return the result of :meth:`run`, the number of an unknown memo entry, or None for any other failure."""
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter('always')
            try:
                entries, memo = self.run(task)
            except UnknownSlotError as error:
                return error.args[0]
            except Exception:  # the file is then read by a single process, which raises the proper error
                return None
        texts = {number: text for number, text in enumerate(memo.slots, task.piece.slots) if type(text) is str}
        return _Answer(entries, texts, [str(warning.message) for warning in warned])


def _serve(end: Connection, others: list[Connection], work: PieceWork) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes; the parent closes the pipes
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionError):  # the parent has ended
        while True:
            end.send(work.answer(end.recv()))


@contextlib.contextmanager
def _not_parallel() -> Iterator[None]:
    """Convert the loss of a process to :class:`NotParallelError`."""
    try:
        yield
    except (OSError, EOFError):
        raise NotParallelError from None


class _Crew:
    """Processes that read pieces."""

    def __init__(self, count: int, work: PieceWork) -> None:
        context = multiprocessing.get_context('fork')
        self._ends, self._processes, self._waiting = [], [], deque()
        for _ in range(count):
            ours, theirs = context.Pipe()
            self._ends.append(ours)
            process = context.Process(target=_serve, args=(theirs, list(self._ends), work), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
        self._sent = 0

    def full(self) -> bool:
        return len(self._waiting) == 2 * len(self._ends)

    def __len__(self) -> int:
        return len(self._waiting)

    def send(self, task: _Task) -> None:
        end = self._ends[self._sent % len(self._ends)]
        with _not_parallel():
            end.send(task)
        self._sent += 1
        self._waiting.append((end, task))

    def receive(self) -> tuple[_Task, _Answer | int | None]:
        end, task = self._waiting.popleft()
        with _not_parallel():
            if not end.poll(ANSWER_SECONDS):
                raise NotParallelError
            return task, end.recv()

    def close(self) -> None:
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.terminate()
            process.join()


class ParallelRecords:
    """Read the records of one pickle in parallel processes; called by :class:`RecordReader` before a record.

    Args:
        processes: Number of processes.
        key: Returns the key that splits refer to.
        maker: Creates the entries.
        take: Called with the entries, in order.
    """

    def __init__(
        self, processes: int, key: Callable[[], str], maker: EntryMaker, take: Callable[[Entry], None]
    ) -> None:
        self._processes, self._key, self._maker, self._take = processes, key, maker, take
        self._done: list[_Task] = []
        self._shared: dict[int, object] = {}
        self._rescued = 0
        self._work: PieceWork

    def __call__(self, reader: RecordReader, bar: tqdm) -> None:
        """Read up to the last split point.

        Raises:
            NotParallelError: If the file has to be read by a single process.
        """
        descriptor, memo = reader.file.fileno(), reader.memo
        # This memo grows by what the processes return; theirs remains as it was when they were started.
        self._work = PieceWork(descriptor, memo.slots, reader.in_batch, self._key(), self._maker)
        scan = ByteWindow(io.FileIO(os.dup(descriptor)), os.fstat(descriptor).st_size)
        position, rewritten = reader.window.tell(), False
        scan.move(position)
        crew = _Crew(self._processes, self._work)
        try:
            for piece in pieces(scan, len(memo), PIECE):
                if crew.full():
                    self._finish(crew, memo, bar)
                crew.send(_Task(piece, dict(self._shared), not rewritten))
                rewritten |= piece.rewrites
                position = piece.end
            while len(crew):
                self._finish(crew, memo, bar)
        finally:
            crew.close()
            scan.file.close()
        if rewritten:
            memo.forget()
        reader.window.move(position)

    def _finish(self, crew: _Crew, memo: SmallMemo, bar: tqdm) -> None:
        task, answer = crew.receive()
        if answer is None:
            raise NotParallelError
        if isinstance(answer, int):
            answer = self._rescue(task)
        for text in answer.warned:
            warnings.warn(text)
        for entry in answer.entries:
            self._take(entry)
        memo.learn(task.piece.slots_after, answer.texts)
        self._done.append(task)
        bar.update(task.piece.end - bar.n)

    def _rescue(self, task: _Task) -> _Answer:
        """Read a piece in this process, with the values of earlier pieces that it refers to."""
        while self._rescued < MAX_RESCUED:
            self._rescued += 1
            answer = self._work.answer(task._replace(known=self._shared))
            if isinstance(answer, _Answer):
                return answer
            home = None if answer is None else next((t for t in self._done if t.piece.slots_after > answer), None)
            if home is None or not task.based or answer < home.piece.slots:
                break
            _, memo = self._work.run(home._replace(known=self._shared))
            memo.sweep()
            self._shared[answer] = memo[answer]
        raise NotParallelError
