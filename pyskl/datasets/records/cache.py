"""Cache of record stores, shared by all processes of a machine.

The folder is ``$PYSKL_CACHE``, else ``$XDG_CACHE_HOME/pyskl``, else ``~/.cache/pyskl``, else one of this user in the
temporary folder. An entry is named after path, size, inode and times of its annotation file; the inode's change time
cannot be set, so a different file of equal size and date never matches the entry. The first process that needs an
entry builds it under a lock while others wait. A damaged entry is removed and rebuilt.
"""

import contextlib
import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from pyskl.datasets.records.known_files import where_from
from pyskl.datasets.records.store import RecordStore, is_store
from pyskl.datasets.records.store_format import VERSION, TornStoreError
from pyskl.datasets.records.store_writer import pack_annotations, write_store
from pyskl.files import replacing

# Errors of a folder without free space or write permission.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
KEPT_SECONDS = 7 * 24 * 3600  # how long an entry outlives its annotation file
WAIT_SECONDS = 600.0  # maximum time without progress of the process that builds an entry
WAIT_STEP, ALIVE_SECONDS = 0.1, 5.0
LEFTOVER_SECONDS = 24 * 3600  # age of a temporary file whose writer must be gone


class CachedStore(RecordStore):
    """Cache entry that is removed if it turns out to be damaged, so that the next run rebuilds it."""

    def __init__(self, path: str | Path, verify: bool = False) -> None:
        super().__init__(path, verify)
        self.check_tables()

    def _damaged(self, what: str) -> TornStoreError:
        with contextlib.suppress(OSError):
            self.path.unlink()
        return TornStoreError(
            f'the cache entry {str(self.path)!r} is damaged: {what}; it was removed, run the same command again to '
            f'rebuild it'
        )


def cache_folders() -> list[Path]:
    """Return the folders to try, in order."""
    named = os.environ.get('PYSKL_CACHE')
    base = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    user = os.getuid() if hasattr(os, 'getuid') else 'user'
    return [Path(named) if named else Path(base) / 'pyskl', Path(tempfile.gettempdir()) / f'pyskl-{user}']


def open_records(ann_file: str | Path, read: Callable[[str], tuple] | None = None, verify: bool = False) -> RecordStore:
    """Open the records of an annotation file for sharing; a pickle is first converted to a store in the cache.

    Args:
        ann_file: A pickle or a store.
        read: Reads records and splits from the path; None: as an annotation file.
        verify: See :class:`RecordStore`.

    Raises:
        OSError: If the annotation file cannot be read, or no folder can hold the store.
        ValueError: If the file is not an annotation file.
    """
    source = os.path.abspath(os.path.expanduser(ann_file))
    try:
        stat = os.stat(source)
        if read is None and is_store(source):
            return RecordStore(source, verify)
    except IsADirectoryError:
        raise IsADirectoryError(f'ann_file {str(ann_file)!r} is a folder; name the pickle or store in it') from None
    except OSError as error:
        hint = where_from(str(ann_file)) if isinstance(error, FileNotFoundError) else ''
        message = f'ann_file {str(ann_file)!r} cannot be read: {error.strerror} (as {source!r}){hint}'
        raise type(error)(message) from None
    prefix = _hashed(source)
    name = f'{prefix}-{_hashed(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)}-v{VERSION}.records'
    failures = []
    for folder in cache_folders():
        if not is_own_folder(folder):
            failures.append(f'{str(folder)!r}: not a private, writable folder of this user')
            continue
        with contextlib.suppress(FileNotFoundError, TornStoreError):
            return CachedStore(folder / name, verify)
        with locked(folder / f'{prefix}.lock', source) as alive:
            with contextlib.suppress(FileNotFoundError, TornStoreError):
                return CachedStore(folder / name, verify)
            try:
                with replacing(folder / name, private=True) as file:
                    if read is None:
                        pack_annotations(source, file, alive=alive)
                    else:
                        write_store(file, *read(source), source)
            except OSError as error:
                if error.errno not in _NO_ROOM:
                    raise
                failures.append(f'{str(folder)!r}: {error.strerror}')
                continue
            _sweep(folder, prefix, keep=name)
            return CachedStore(folder / name, verify)
    raise OSError(
        f'no folder can hold the cached records of {source!r} ({"; ".join(failures)}); set PYSKL_CACHE to a private '
        f'folder with {-(-stat.st_size // 2**20)} MB free'
    )


def _hashed(*values: object) -> str:
    return hashlib.sha256(repr(values).encode('utf-8', 'surrogateescape')).hexdigest()[:16]


def _sweep(folder: Path, prefix: str, keep: str) -> None:
    """Remove older entries of the same file, entries of deleted files, and temporary files of killed processes."""
    for leftover in folder.glob('.pyskl-*.tmp'):
        with contextlib.suppress(OSError):
            if time.time() - leftover.lstat().st_mtime > LEFTOVER_SECONDS:
                leftover.unlink()
    for entry in folder.glob('*.records'):
        if entry.name == keep:
            continue
        with contextlib.suppress(OSError):
            aged = time.time() - entry.stat().st_mtime > KEPT_SECONDS
            if entry.name.startswith(f'{prefix}-') or (aged and not os.path.exists(_source(entry))):
                entry.unlink()


def _source(entry: Path) -> str:
    """Return the annotation file of an entry; '' if it cannot be read, as one of an older version."""
    try:
        return RecordStore(entry).source
    except TornStoreError:
        return ''


@contextlib.contextmanager
def locked(path: Path, source: str) -> Iterator[Callable[[], None]]:
    """Hold an exclusive lock on the file ``path`` (if the system has file locks); yield a function to report progress.

    Args:
        path: The lock file.
        source: The file being read, for messages.

    Raises:
        TimeoutError: If the process that holds the lock has made no progress for :data:`WAIT_SECONDS`.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield lambda: None
        return
    flags = os.O_CREAT | os.O_RDWR | getattr(os, 'O_NOFOLLOW', 0)
    with open(os.open(path, flags, mode=0o600), 'r+') as file:
        try:
            _wait(file, source, lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except TimeoutError:
            raise
        except OSError:
            pass  # file systems without locks: two may build, the last rename wins
        with contextlib.suppress(OSError):
            file.truncate()
            file.write(f'{os.getpid()}')
            file.flush()
        last = time.monotonic()

        def alive() -> None:
            nonlocal last
            if time.monotonic() - last > ALIVE_SECONDS:
                last = time.monotonic()
                with contextlib.suppress(OSError):
                    os.utime(file.fileno())

        yield alive
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)


def _wait(file: TextIO, source: str, take: Callable[[], None]) -> None:
    """Call ``take`` until it succeeds."""
    seen, since = None, time.monotonic()
    while True:
        try:
            return take()
        except BlockingIOError:
            pass
        worked = os.fstat(file.fileno()).st_mtime_ns
        if worked != seen:
            seen, since = worked, time.monotonic()
        if time.monotonic() - since > WAIT_SECONDS:
            file.seek(0)
            owner = file.read(20)
            raise TimeoutError(
                f'process {owner} is reading {source!r} for all processes but made no progress for '
                f'{WAIT_SECONDS / 60:.0f} minutes; stop it, or set PYSKL_CACHE to another folder'
            )
        time.sleep(WAIT_STEP)


def is_own_folder(folder: Path) -> bool:
    """Whether ``folder`` exists, or can be created, as a private, writable folder of this user.

    Symbolic links in its path must belong to this user or the system: other users could redirect theirs.
    """
    try:
        if any(_is_link_of_others(part) for part in (folder, *folder.parents)):
            return False
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError:
        return False
    own = not hasattr(os, 'getuid') or found.st_uid == os.getuid()
    return own and not found.st_mode & 0o022 and os.access(folder, os.W_OK | os.X_OK)


def _is_link_of_others(path: Path) -> bool:
    return path.is_symlink() and hasattr(os, 'getuid') and path.lstat().st_uid not in (0, os.getuid())
