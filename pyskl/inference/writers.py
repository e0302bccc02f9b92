"""Write the files in ``--out``: events.json, events.csv, events.srt and scores.npz.

The film is written by :mod:`film_writer`, explain.npz by :mod:`responses`.
"""

import contextlib
import csv
import io
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from pyskl.files import replacing, write_json, write_text
from pyskl.inference.network import ActionNetwork
from pyskl.inference.spool import PeopleSpool, ScoreSpool
from pyskl.inference.stream import ActionStream
from pyskl.inference.timeline import Event

NAMES = ('events.json', 'events.csv', 'events.srt', 'scores.npz', 'explain.npz', 'film.mp4')
COLUMNS = ('person', 'start', 'end', 'label', 'score', 'partner')


class Recorder:
    """Write the results of a stream to a folder.

    Events are appended to events.csv immediately, so that they survive even if the process is killed. All files are
    written on leaving the ``with`` block, also after an error.

    Args:
        folder: The folder, created if necessary.
        network: The network, whose class names and joints are written.
        about: Further entries of events.json: source, fps, size, ...
        overwrite: Whether to replace files of an earlier run.

    Raises:
        FileExistsError: If the folder contains such files.
        OSError: If the folder cannot be created.
    """

    def __init__(self, folder: str | Path, network: ActionNetwork, about: dict, overwrite: bool = False) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise FileExistsError(f'--out {folder} is a file; it must be a folder')
        taken = [name for name in NAMES if (self.folder / name).exists()]
        if taken and not overwrite:
            raise FileExistsError(
                f'{self.folder / taken[0]} exists already; pass --overwrite to replace it, or choose another --out'
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in taken:
            (self.folder / name).unlink()
        self.about, self.classes = dict(about), list(network.classes)
        self.events: list[Event] = []
        self.people = PeopleSpool(self.folder, network.skeleton.num_joints, network.skeleton.dims)
        self.scores = ScoreSpool(self.folder, len(self.classes))
        self._csv = (self.folder / 'events.csv').open('w', encoding='utf-8', newline='')
        csv.writer(self._csv).writerow(COLUMNS)
        self._csv.flush()

    def __enter__(self) -> 'Recorder':
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if not self._csv.closed:
            self.write()
        self.people.close()
        self.scores.close()

    def add(self, events: Sequence[Event]) -> None:
        """Append events.

        Raises:
            OSError: If events.csv cannot be written; :meth:`write` still writes the events.
        """
        self.events.extend(events)
        try:
            for event in events:
                csv.writer(self._csv).writerow(_row(event))
            if events:
                self._csv.flush()
        except OSError as error:
            raise OSError(f'cannot write events.csv to {self.folder}: {error.strerror}') from error

    def add_people(self, time: float, persons: np.ndarray, keypoint: np.ndarray, score: np.ndarray) -> None:
        """Append the people of a frame, see :class:`pyskl.inference.spool.PeopleSpool`.

        Raises:
            OSError: If the disk is full. The stored people are deleted to make room for the events.
        """
        try:
            self.people.add(time, persons, keypoint, score)
        except OSError as error:
            self.people.close()
            raise OSError(
                f'cannot write the joints at {time:.1f} s to {self.folder}: {error.strerror}; events and scores up to '
                'there are written'
            ) from error

    def write(self) -> None:
        """Write all files except the film, with events sorted by time."""
        with contextlib.suppress(OSError):  # it is written again below
            self._csv.close()
        self.events.sort(key=lambda event: (event.start, event.person))
        content = {**self.about, 'classes': self.classes, 'events': [event.as_dict() for event in self.events]}
        write_json(self.folder / 'events.json', content)
        table = io.StringIO(newline='')
        csv.writer(table).writerows([COLUMNS, *map(_row, self.events)])
        write_text(self.folder / 'events.csv', table.getvalue())
        write_text(self.folder / 'events.srt', subtitles(self.events))
        with replacing(self.folder / 'scores.npz') as file:
            np.savez(file, classes=np.array(self.classes), **self.scores.columns())


def finish(stream: ActionStream, recorder: Recorder | None) -> tuple[list[Event], OSError | None]:
    """End a stream, and write its results if there is a recorder.

    Returns:
        The last events, and the error if a file cannot be written, to be raised after the events have been reported.
    """
    rest = stream.finish()
    if recorder is None:
        return rest, None
    with contextlib.suppress(OSError):  # events.csv is written again by write()
        recorder.add(rest)
    try:
        recorder.write()
    except OSError as error:
        return rest, error
    return rest, None


def _row(event: Event) -> list:
    content = event.as_dict()
    return [content[name] for name in COLUMNS]


def subtitles(events: Sequence[Event]) -> str:
    """Format SubRip subtitles: one line per person with the current label; unknown actions are omitted."""
    events = [event for event in events if event.index >= 0 and event.end > event.start]
    times = sorted({time for event in events for time in (event.start, event.end)})
    blocks = []
    for begin, end in zip(times, times[1:], strict=False):
        shown = [event for event in events if event.start <= begin and event.end >= end]
        if shown:
            lines = [f'person {event.person}: {event.label}' for event in sorted(shown, key=lambda e: e.person)]
            blocks.append(f'{len(blocks) + 1}\n{_stamp(begin)} --> {_stamp(end)}\n' + '\n'.join(lines) + '\n')
    return '\n'.join(blocks)


def _stamp(seconds: float) -> str:
    milliseconds = max(round(seconds * 1000), 0)
    return (
        f'{milliseconds // 3_600_000:02d}:{milliseconds // 60_000 % 60:02d}:{milliseconds // 1000 % 60:02d},'
        f'{milliseconds % 1000:03d}'
    )
