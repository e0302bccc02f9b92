"""Where the shared form of an annotation file is kept, and who builds it.

The folder is ``$PYSKL_CACHE``, else ``$XDG_CACHE_HOME/pyskl``, else ``~/.cache/pyskl``, else one of this user in the
temporary folder. An entry is named after the path, size and time of change of its annotation file. Whoever comes first
builds it, under a lock; the others wait and map it.
"""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pyskl.datasets.annotations import read_annotations, replacing
from pyskl.datasets.record_store import VERSION, RecordStore, TornStoreError, is_own_folder, locked, write_store

KEPT_SECONDS = 7 * 24 * 3600  # how long an entry outlives its annotation file


def cache_folders() -> list[Path]:
    """Folders to try, in order."""
    named = os.environ.get('PYSKL_CACHE')
    base = os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache')
    user = os.getuid() if hasattr(os, 'getuid') else 'user'
    return [Path(named) if named else Path(base) / 'pyskl', Path(tempfile.gettempdir()) / f'pyskl-{user}']


def open_records(ann_file: str | Path, read: Callable[[str], tuple] | None = None) -> RecordStore:
    """The records of an annotation file, shared; built if nobody has yet.

    Args:
        ann_file: The file.
        read: Its path -> records and splits; None: of an annotation file.

    Raises:
        OSError: If the annotation file cannot be read, or there is nowhere to keep its shared form.
        ValueError: If the annotation file is not one.
    """
    source = os.path.abspath(os.path.expanduser(ann_file))
    try:
        stat = os.stat(source)
    except OSError as error:
        raise type(error)(f'ann_file {str(ann_file)!r} cannot be read: {error.strerror} (as {source!r})') from None
    prefix = hashlib.sha256(source.encode()).hexdigest()[:16]
    name = f'{prefix}-{stat.st_size:x}-{stat.st_mtime_ns:x}-v{VERSION}.records'
    failures = []
    for folder in cache_folders():
        if not is_own_folder(folder):
            failures.append(f'{str(folder)!r}: not a private folder of this user that can be written')
            continue
        with contextlib.suppress(FileNotFoundError, TornStoreError):
            return RecordStore(folder / name)
        with locked(folder / f'{prefix}.lock'):
            with contextlib.suppress(FileNotFoundError, TornStoreError):
                return RecordStore(folder / name)
            records, splits = (read or read_annotations)(source)
            try:
                with replacing(folder / name, private=True) as file:
                    write_store(file, records, splits, source)
            except OSError as error:
                failures.append(f'{str(folder)!r}: {error.strerror}')
                continue
            _sweep(folder, prefix, keep=name)
            return RecordStore(folder / name)
    raise OSError(
        f'there is nowhere to keep the shared form of {source!r} ({"; ".join(failures)}); set PYSKL_CACHE to a private '
        f'folder with {stat.st_size / 2**20:.0f} MB free'
    )


def _sweep(folder: Path, prefix: str, keep: str) -> None:
    """Remove older forms of the same file, and forms of files that are long gone."""
    for entry in folder.glob('*.records'):
        if entry.name == keep:
            continue
        with contextlib.suppress(OSError, TornStoreError):
            aged = time.time() - entry.stat().st_mtime > KEPT_SECONDS
            if entry.name.startswith(f'{prefix}-') or (aged and not os.path.exists(RecordStore(entry).source)):
                entry.unlink()
