"""Write files atomically: no half-written file, no write through a link, no overwriting unless requested.

The temporary file is created in the folder of the final one, so that the rename is atomic. Its name is random and it
is created exclusively, so an existing file or link is never opened.
"""

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

_TEMPORARY = re.compile(r'\.pyskl-[0-9a-f]{16}\.tmp')
_FULL = {
    errno.ENOSPC: 'no space left',
    errno.EDQUOT: 'the quota is used up',
    errno.EFBIG: 'the file would be too large',
}


class WriteError(OSError):
    """Raised when a file cannot be written; the message names the file, the folder and the reason."""

    def __str__(self) -> str:
        return self.strerror


@contextlib.contextmanager
def replacing(path: str | Path, private: bool = False) -> Iterator[BinaryIO]:
    """Open a temporary binary file; it is renamed to ``path`` at the end of the block, or removed if the block raises.

    Missing folders are created. If ``path`` is a link, the link is replaced and its target left alone.

    Args:
        path: Final name.
        private: Whether only the owner may read the file; otherwise the umask decides.

    Raises:
        WriteError: If the file cannot be written or the disk is full.
    """
    path = Path(path)
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(path.parent)
        # mode 'x': fails if the name exists, also as a link
        file = open(temporary, 'x+b', opener=partial(os.open, mode=0o600 if private else 0o666))  # noqa: SIM115
    try:
        with _naming(path, only_full=True), file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _naming(path):
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def replacing_path(path: str | Path) -> Iterator[Path]:
    """Like :func:`replacing`, for writers that open a file by name: yield an unused path with the suffix of ``path``.

    The path is in a new private folder next to ``path``; other files written there are removed at the end.

    Raises:
        WriteError: If the file cannot be written or the disk is full.
    """
    path = Path(path)
    with _naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = _temporary(path.parent)
        folder.mkdir(mode=0o700)
    try:
        name = folder / path.name
        with _naming(path, only_full=True):
            yield name
        with _naming(path):
            with name.open('rb+') as file:
                os.fsync(file.fileno())
            os.replace(name, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _sync_folder(path.parent)


def replace_link(path: str | Path, target: str) -> None:
    """Make ``path`` a symbolic link to ``target``, replacing it atomically if it exists.

    Raises:
        OSError: If the file system does not support links.
    """
    temporary = _temporary(Path(path).parent)
    os.symlink(target, temporary)
    os.replace(temporary, path)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8; see :func:`replacing`."""
    with replacing(path) as file:
        file.write(text.encode('utf-8', errors='surrogateescape'))


def write_json(path: str | Path, value: object) -> None:
    """Write ``value`` as indented JSON; see :func:`replacing`."""
    write_text(path, json.dumps(value, indent=2) + '\n')


def check_output(
    path: str | Path, overwrite: bool = False, inputs: Iterable[str | Path] = (), option: str = '--out'
) -> None:
    """Check that an output file can be written and does not replace a file by mistake.

    Args:
        path: The file to be written later.
        overwrite: Whether an existing file may be replaced.
        inputs: Files that are read or belong to the user, and are never replaced.
        option: The command-line option that names ``path``, for error messages.

    Raises:
        FileExistsError: If ``path`` exists and ``overwrite`` is False.
        ValueError: If ``path`` is a folder, one of ``inputs``, or in a folder that cannot be written or created.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f'{option} {path} is a folder; name a file in it')
    for name in inputs:
        if path.exists() and os.path.exists(name) and os.path.samefile(path, name):
            raise ValueError(f'{option} {path} would overwrite {name}, which is an input; choose another file')
    if os.path.lexists(path) and not overwrite:
        raise FileExistsError(f'{option} {path} exists already; pass --overwrite to replace it, or choose another file')
    folder = next(parent for parent in path.absolute().parents if os.path.lexists(parent))  # the rest is created later
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f'{option} {path}: cannot write to {folder}; choose another folder')


def remove_leftovers(folder: str | Path) -> None:
    """Remove temporary files of killed processes from ``folder``. No other process may be writing there."""
    for entry in os.scandir(folder):
        if _TEMPORARY.fullmatch(entry.name):
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)


def _temporary(folder: Path) -> Path:
    return folder / f'.pyskl-{secrets.token_hex(8)}.tmp'


@contextlib.contextmanager
def _naming(path: Path, only_full: bool = False) -> Iterator[None]:
    """Convert OSErrors to a :class:`WriteError` that names ``path``; with ``only_full`` those of a full disk only."""
    try:
        yield
    except OSError as error:
        if isinstance(error, WriteError) or (only_full and error.errno not in _FULL):
            raise
        why = _FULL.get(error.errno, error.strerror or str(error))
        raise WriteError(error.errno, f'cannot write {path.name} to {path.absolute().parent}: {why}') from error


def _sync_folder(folder: Path) -> None:
    """Flush a rename to disk, where the system supports it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
