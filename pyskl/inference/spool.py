"""Temporary files for data of long films: people of each frame and scores of each window.

Both are unnamed temporary files that are deleted when they are closed.
"""

import contextlib
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_HEAD = struct.Struct('<dI')  # time in seconds, persons


class PeopleSpool:
    """Store the tracked people of each frame; they are written and then read in order.

    Args:
        folder: Folder of the temporary file.
        joints: Number of joints ``V``.
        dims: Coordinates per joint.
    """

    def __init__(self, folder: Path, joints: int, dims: int = 2) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._joints, self._dims = joints, dims
        self.frames = 0

    def add(self, time: float, persons: np.ndarray, keypoint: np.ndarray, score: np.ndarray) -> None:
        """Append a frame: ``(P,)`` numbers, ``(P, V, C)`` joints, ``(P, V)`` scores."""
        self._file.write(_HEAD.pack(time, len(persons)))
        for array, kind in ((persons, '<i4'), (keypoint, '<f4'), (score, '<f4')):
            self._file.write(np.ascontiguousarray(array, kind).tobytes())
        self.frames += 1

    def __iter__(self) -> Iterator[tuple[float, np.ndarray, np.ndarray, np.ndarray]]:
        """Iterate over (time, persons, joints, scores) of each frame."""
        self._file.seek(0)
        for _ in range(self.frames):
            time, count = _HEAD.unpack(self._file.read(_HEAD.size))
            persons = self._read('<i4', (count,))
            keypoint = self._read('<f4', (count, self._joints, self._dims))
            yield time, persons, keypoint, self._read('<f4', (count, self._joints))

    def _read(self, kind: str, shape: tuple[int, ...]) -> np.ndarray:
        return np.frombuffer(self._file.read(4 * int(np.prod(shape))), kind).reshape(shape)

    def close(self) -> None:
        """Delete the file."""
        with contextlib.suppress(OSError):  # what a full disk did not take
            self._file.close()


class ScoreSpool:
    """Store the probabilities of each window: time, person, ``(K,)``.

    Args:
        folder: Folder of the temporary file.
        num_classes: Number of classes ``K``.
    """

    def __init__(self, folder: Path, num_classes: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._row = np.dtype([('time', '<f8'), ('person', '<i4'), ('scores', '<f4', (num_classes,))])

    def add(self, time: float, person: int, scores: np.ndarray) -> None:
        """Append a window."""
        self._file.write(np.array([(time, person, scores)], self._row).tobytes())

    def columns(self) -> dict[str, np.ndarray]:
        """Return ``time`` (n,) seconds, ``person`` (n,) and ``scores`` (n, K), read from disk on access."""
        self._file.flush()
        if not self._file.tell():
            empty = np.zeros(0, self._row)
            return {name: empty[name] for name in self._row.names}
        rows = np.memmap(self._file, self._row, mode='r')
        return {name: rows[name] for name in self._row.names}

    def close(self) -> None:
        """Delete the file."""
        with contextlib.suppress(OSError):  # what a full disk did not take
            self._file.close()
