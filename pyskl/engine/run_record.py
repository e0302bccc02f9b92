"""``run.json``: the description of a run and the list of files that it wrote.

Only listed files are removed or overwritten; all other files in the folder belong to the user.
"""

import json
import os
import platform
import re
import socket
import subprocess
import time
from pathlib import Path

import torch

from pyskl.files import write_json

NAME = 'run.json'
CHECKPOINT = re.compile(r'(epoch_\d+|iter_\d+|best_[^/\\]+|latest|interrupted)\.pth|last_checkpoint')


class RunRecord:
    """The record of ``folder``; empty if the folder has no run.

    Args:
        folder: A work_dir, or the folder of its checkpoints (``checkpoint_config.out_dir``).

    Raises:
        ValueError: If the folder has a ``run.json`` that is not such a record.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.path = self.folder / NAME
        self.content: dict = {}
        if self.path.is_file():
            try:
                self.content = json.loads(self.path.read_text(encoding='utf-8'))
                files = self.content['files']
                if self.content['pyskl_run'] != 1 or not all(isinstance(name, str) for name in files):
                    raise ValueError
            except (ValueError, TypeError, KeyError, RecursionError):
                raise ValueError(
                    f'{self.path} is damaged or not the record of a run; move it elsewhere, or pass another --work-dir'
                ) from None

    @property
    def files(self) -> list[str]:
        """Names of the files that the run wrote into the folder."""
        return self.content.get('files', [])

    def owns(self, name: str) -> bool:
        """Whether the run wrote the file ``name`` of the folder."""
        return name in self.files and os.path.basename(name) == name

    def update(self, **values) -> None:
        """Set entries and write the record."""
        self.content = {'pyskl_run': 1, 'files': [], **self.content, **values}
        write_json(self.path, self.content)

    def add(self, name: str) -> None:
        """Add a file before it is written, so that a run that is killed in between still owns it."""
        if name not in self.files:
            self.update(files=[*self.files, name])

    def remove(self, names: list[str]) -> list[str]:
        """Remove checkpoints that the run wrote; other names are ignored.

        Returns:
            Names of the removed files.
        """
        removed = []
        for name in names:
            path = self.folder / name
            if self.owns(name) and CHECKPOINT.fullmatch(name) and (path.is_file() or path.is_symlink()):
                path.unlink()
                removed.append(name)
        if any(name in self.files for name in names):
            self.update(files=[name for name in self.files if name not in names])
        return removed

    def checkpoints(self) -> list[str]:
        """Names of the run's checkpoints that exist."""
        found = [name for name in self.files if self.owns(name) and CHECKPOINT.fullmatch(name)]
        return [name for name in found if os.path.lexists(self.folder / name)]


def plain(value: object) -> object:
    """Convert a config's value to JSON types: tuples become lists, other objects their ``repr``."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f'{value.__module__}.{value.__qualname__}' if isinstance(value, type) else repr(value)


def surroundings() -> dict:
    """Describe the environment of a run: versions, git commit of the code, and machine."""
    import mmengine
    import numpy

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        'started': time.strftime('%Y-%m-%dT%H:%M:%S%z'),
        'versions': {
            'python': platform.python_version(),
            'torch': torch.__version__,
            'numpy': numpy.__version__,
            'mmengine': mmengine.__version__,
        },
        'git': git_commit(Path(__file__).resolve().parent),
        'machine': {
            'host': socket.gethostname(),
            'system': platform.platform(),
            'cores': len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
            'gpus': gpus,
        },
    }


def git_commit(folder: Path) -> str | None:
    """Return the commit checked out in ``folder``, with ``+changes`` if files differ from it; None outside git."""

    def git(*arguments: str) -> str:
        command = ['git', '-C', str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        return git('rev-parse', 'HEAD') + ('+changes' if git('status', '--porcelain', '-uno', '.') else '')
    except (OSError, subprocess.SubprocessError):
        return None
