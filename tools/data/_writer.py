"""Writing an annotation pickle: whole or not at all."""

import os
import pickle
from pathlib import Path


def check_free(path: Path, overwrite: bool) -> None:
    """Refuse, before any work, a ``path`` that is taken.

    Raises:
        FileExistsError: If ``path`` exists and ``overwrite`` is off.
        IsADirectoryError: If ``path`` is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(f'--out {path} is a folder; name a file in it, such as {path / "annotations.pkl"}')
    if path.exists() and not overwrite:
        raise FileExistsError(f'--out {path} exists; give another name, or --overwrite to replace it')


def write_pickle(data: dict, path: Path, overwrite: bool) -> None:
    """Pickle ``data`` to a temporary name beside ``path``, then rename: there is never half a file at ``path``.

    Raises:
        OSError: If ``path`` is taken (see :func:`check_free`) or cannot be written.
    """
    check_free(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        with temporary.open('xb') as file:
            pickle.dump(data, file, protocol=4)  # what Python 3.4 and numpy 1.x write too
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
