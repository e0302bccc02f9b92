"""Joints in separate files: PYSKL's kpfiles of Kinetics-400, read without memcached.

A kpfile is a pickle ``{frame_dir: {'keypoint': (N, V, 3)}}`` of thousands of clips, which a record names as
``raw_file``. Reading one for a single clip would take seconds, so the first process that needs a clip converts the
file to a store in the cache, as for annotation files (:mod:`pyskl.datasets.records.cache`), which all processes read.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from pyskl.datasets.records.cache import open_records
from pyskl.datasets.records.safe_pickle import load_numbers
from pyskl.datasets.records.store import RecordStore


def locate(raw_file: str, roots: Sequence[Path]) -> Path:
    """Find the file of a record: the longest suffix of ``raw_file`` that exists below one of ``roots``.

    Published paths are relative to their author's folder, ``data/k400/kpfiles/x.pkl``; ``kpfiles/x.pkl`` and ``x.pkl``
    are found too.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the path points outside of the roots, or is not a path.
    """
    if not isinstance(raw_file, str) or not raw_file or '\0' in raw_file:
        raise ValueError(f'raw_file {raw_file!r} is not a file path')
    parts = PurePosixPath(raw_file.replace('\\', '/')).parts
    if '..' in parts:
        raise ValueError(f'raw_file {raw_file!r} points outside of {roots[0]}; it must name a file below it')
    for start in range(len(parts)):
        for root in roots:
            path = root.joinpath(*parts[start:])
            if root in path.parents and path.is_file():
                return path
    where = ' or '.join(str(root) for root in roots)
    raise FileNotFoundError(f'raw_file {raw_file!r} was not found in {where}, neither by its path nor by the end of it')


def read_keypoint_file(path: str | Path, bar: bool = True) -> dict[str, object]:
    """Read ``keypoint`` by ``frame_dir`` from a kpfile; the arrays are not validated.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a pickle of numbers, or not a kpfile.
    """
    content = load_numbers(path, what='kpfile', key='raw_file', bar=bar)
    if not isinstance(content, dict):
        raise ValueError(
            f'kpfile {str(path)!r} holds a {type(content).__name__}; it must be a dict with frame_dir as keys'
        )
    found = {name: clip.get('keypoint') if isinstance(clip, dict) else clip for name, clip in content.items()}
    return {str(name): x.view(np.ndarray) if isinstance(x, np.ndarray) else x for name, x in found.items()}


def _is_boxes(boxes: object) -> bool:
    return isinstance(boxes, np.ndarray) and boxes.ndim == 3 and boxes.dtype.kind in 'fiu'


def _records(path: str | Path) -> tuple[list[dict], None]:
    """Return the arrays of a kpfile as records with the single array ``boxes``."""
    arrays = read_keypoint_file(path)
    valid = {name: boxes for name, boxes in arrays.items() if _is_boxes(boxes)}
    if not valid:
        raise ValueError(f'kpfile {str(path)!r} holds no keypoint (boxes, V, 3)')
    for name, boxes in valid.items():
        if not np.isfinite(boxes).all():
            raise ValueError(
                f'kpfile {str(path)!r} has NaN or infinite joints of {name!r}; pyskl data k400 omits such clips'
            )
    return [{'frame_dir': name, 'raw_file': '', 'boxes': boxes} for name, boxes in valid.items()], None


class KeypointFiles:
    """Joints of clips by ``raw_file`` and ``frame_dir``, shared by all processes of a machine.

    Args:
        roots: Folders to search for the files.
    """

    def __init__(self, roots: Sequence[str | Path]) -> None:
        self.roots = [Path(root) for root in roots]
        self._open: dict[str, tuple[RecordStore, dict[str, int]]] = {}

    def __reduce__(self) -> tuple:
        return KeypointFiles, (self.roots,)  # a worker opens its own

    def keypoint(self, raw_file: str, name: str) -> np.ndarray:
        """Return the joints ``(N, V, 3)`` of a clip, read-only.

        Raises:
            OSError: If the file does not exist or cannot be read.
            ValueError: If it is not a kpfile, or does not contain the clip.
        """
        if raw_file not in self._open:
            store = open_records(locate(raw_file, self.roots), read=_records)
            self._open[raw_file] = store, {name: number for number, name in enumerate(store.names)}
        store, numbers = self._open[raw_file]
        if name not in numbers:
            raise ValueError(f'kpfile {raw_file!r} has no keypoint (boxes, V, 3) of {name!r}; remove the record')
        return store.record(numbers[name])['boxes']
