"""The cache of shared records: where an annotation file's store is kept, and which process builds it.

The folder is ``$PYSKL_CACHE``, else ``$XDG_CACHE_HOME/pyskl``, else ``~/.cache/pyskl``, else one of this user in the
temporary folder. An entry is named after path, size, inode and times of its annotation file; the time of the last
change of the inode cannot be set, so another file of equal size and date never gets the entry. The first process that
needs an entry builds it, under a lock; the others wait for it. A damaged entry is removed and built again.
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

# What a folder without room, or without leave to write, answers.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
KEPT_SECONDS = 7 * 24 * 3600  # how long an entry outlives its annotation file
WAIT_SECONDS = 600.0  # without a sign of life from the process that builds an entry
WAIT_STEP, ALIVE_SECONDS = 0.1, 5.0
LEFTOVER_SECONDS = 24 * 3600  # age of a temporary file whose writer must be gone


class CachedStore(RecordStore):
    """An entry of the cache: if it turns out to be damaged, it is removed, so that the next run builds it again."""

    def __init__(self, path: str | Path, verify: bool = False) -> None:
        super().__init__(path, verify)
        self.check_tables()

    def _damaged(self, what: str) -> TornStoreError:
        with contextlib.suppress(OSError):
            self.path.unlink()
        return TornStoreError(
            f'the cache entry {str(self.path)!r} is damaged: {what}; it is removed, and the same command '
            f'builds it again'
        )


def cache_folders() -> list[Path]:
    """Folders to try, in order."""
    named = os.environ.get('PYSKL_CACHE')
    base = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    user = os.getuid() if hasattr(os, 'getuid') else 'user'
    return [Path(named) if named else Path(base) / 'pyskl', Path(tempfile.gettempdir()) / f'pyskl-{user}']


def open_records(ann_file: str | Path, read: Callable[[str], tuple] | None = None, verify: bool = False) -> RecordStore:
    """The records of an annotation file, shared: a store as it is; of a pickle a store, built if nobody has yet.

    Args:
        ann_file: The file.
        read: Its path -> records and splits; None: of an annotation file.
        verify: See :class:`RecordStore`.

    Raises:
        OSError: If the annotation file cannot be read, or there is nowhere to keep its shared form.
        ValueError: If the annotation file is not one.
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
        said = f'ann_file {str(ann_file)!r} cannot be read: {error.strerror} (as {source!r}){hint}'
        raise type(error)(said) from None
    prefix = _hashed(source)
    name = f'{prefix}-{_hashed(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)}-v{VERSION}.records'
    failures = []
    for folder in cache_folders():
        if not is_own_folder(folder):
            failures.append(f'{str(folder)!r}: not a private folder of this user that can be written')
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
        f'there is nowhere to keep the shared form of {source!r} ({"; ".join(failures)}); set PYSKL_CACHE to a private '
        f'folder with {stat.st_size / 2**20:.0f} MB free'
    )


def _hashed(*values: object) -> str:
    return hashlib.sha256(repr(values).encode('utf-8', 'surrogateescape')).hexdigest()[:16]


def _sweep(folder: Path, prefix: str, keep: str) -> None:
    """Remove older entries of the same file, entries of files that are long gone, and what killed builds left."""
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
    """The annotation file of an entry; '' of one that cannot be read, such as one of an older version."""
    try:
        return RecordStore(entry).source
    except TornStoreError:
        return ''


@contextlib.contextmanager
def locked(path: Path, source: str) -> Iterator[Callable[[], None]]:
    """Hold the lock file ``path``; where the system has no locks, nothing. Yields a function to call while working.

    Args:
        path: The lock file.
        source: What is read meanwhile, for messages.

    Raises:
        TimeoutError: If the process that holds the lock has not worked on for :data:`WAIT_SECONDS`.
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
            pass  # network file systems without locks: two may build, the last rename counts
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
                f'process {owner} reads {source!r} for all and has not got on for {WAIT_SECONDS / 60:.0f} minutes; '
                f'end it, or set PYSKL_CACHE to another folder'
            )
        time.sleep(WAIT_STEP)


def is_own_folder(folder: Path) -> bool:
    """Whether ``folder`` exists, or could be made, as a private folder of this user that can be written.

    Links on the way to it must be this user's or the system's: others could turn theirs elsewhere.
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
