"""Pickles of arrays, numbers, text and builtin containers, read without trusting the file.

The machine that reads them is :mod:`pyskl.datasets.records.pickle_machine`; what its names stand for,
:mod:`pyskl.datasets.records.pickle_objects`. Here its errors become one line that names the file.
"""

import contextlib
import io
import pickle
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tqdm import tqdm

from pyskl.datasets.records.pickle_machine import Machine
from pyskl.datasets.records.pickle_objects import KNOWN, ForbiddenGlobal

BAR_BYTES = 200 * 2**20  # larger files are read with a bar

# What the unpickler of a damaged or foreign file raises.
BROKEN = (
    pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError, TypeError, ValueError,
    OverflowError, MemoryError, RecursionError, AssertionError,
)  # fmt: skip


class _BarReader(io.RawIOBase):
    """A file that advances a progress bar as it is read."""

    def __init__(self, file: io.BufferedReader, bar: tqdm) -> None:
        self._file, self._bar = file, bar

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

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
        bar: Show a progress bar for a large file.

    Raises:
        OSError: If the file is missing or cannot be read.
        ValueError: If it is not a pickle, is cut off, or names anything else.
    """
    path = Path(path)

    names = {**KNOWN, **(more or {})}
    with opened(path, what, key) as file:
        size = path.stat().st_size
        if size < BAR_BYTES or not bar:
            return Machine(file, size, names).load()
        with tqdm(total=size, unit='B', unit_scale=True, desc=f'reading {path.name}') as progress:
            return Machine(io.BufferedReader(_BarReader(file, progress), 2**20), size, names).load()


@contextlib.contextmanager
def opened(path: Path, what: str = 'annotation file', key: str = 'ann_file') -> Iterator[io.BufferedReader]:
    """Open the file; errors of an unpickler in the block are raised as those of :func:`load_numbers`."""
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
