"""Safe reader for pickles of arrays, numbers, text and builtin containers.

:mod:`pyskl.datasets.records.pickle_machine` reads them, with the admitted names of
:mod:`pyskl.datasets.records.pickle_objects`. Here errors become one line that names the file.
"""

import contextlib
import io
import pickle
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tqdm import tqdm

from pyskl.datasets.records.pickle_machine import Machine
from pyskl.datasets.records.pickle_objects import KNOWN, ForbiddenGlobal

BAR_BYTES = 200 * 2**20  # larger files are read with a progress bar

# Exceptions of the unpickler on a damaged file or one of another format.
BROKEN = (
    pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError, TypeError, ValueError,
    OverflowError, MemoryError, RecursionError, AssertionError,
)  # fmt: skip


class _BarReader(io.RawIOBase):
    """File that advances a progress bar as it is read."""

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
    """Read a pickle of arrays, numbers, strings and builtin containers.

    Args:
        path: The file.
        what: Description of the file in messages.
        key: Config key or option that named the file, for messages.
        more: Further admitted (module, name), each with the function that replaces it.
        bar: Whether to show a progress bar for a large file.

    Raises:
        OSError: If the file is missing or cannot be read.
        ValueError: If it is not a pickle, is truncated, or names anything else.
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
    """Open a file and convert errors of an unpickler in the block to those of :func:`load_numbers`."""
    try:
        with path.open('rb', buffering=2**18) as file:
            yield file
    except FileNotFoundError:
        raise FileNotFoundError(f'{what} {str(path)!r} does not exist; check {key}') from None
    except IsADirectoryError:
        raise IsADirectoryError(f'{key} {str(path)!r} is a folder; name the pickle in it') from None
    except ForbiddenGlobal as error:
        raise ValueError(
            f'{what} {str(path)!r} contains {_line(error)}, which could run code, and was not read; only NumPy arrays '
            f'of numbers and builtin containers are allowed'
        ) from None
    except BROKEN as error:
        raise ValueError(
            f'{what} {str(path)!r} is not a valid pickle ({type(error).__name__}: {_line(error)}); it may be truncated '
            f'or of another format: download or write it again'
        ) from None


def _line(error: Exception) -> str:
    """The message on one line: it may quote the file."""
    return ' '.join(str(error).split())
