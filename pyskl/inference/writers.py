"""What ``--out`` holds: events.json, events.csv, events.srt and scores.npz.

The film is of :mod:`film_writer`, explain.npz of :mod:`responses`.
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
from pyskl.inference.timeline import Event

NAMES = ('events.json', 'events.csv', 'events.srt', 'scores.npz', 'explain.npz', 'film.mp4')
COLUMNS = ('person', 'start', 'end', 'label', 'score', 'partner')


class Recorder:
    """Writes what a stream finds into a folder.

    Events are appended to events.csv at once, so that even a killed process leaves them; leaving the ``with`` block,
    also by an error, writes all files.

    Args:
        folder: Made if it is not there.
        network: Whose class names and joints are written.
        about: What else events.json says: source, fps, size, ...
        overwrite: Whether files of an earlier run are replaced.

    Raises:
        FileExistsError: If the folder holds such files.
        OSError: If the folder cannot be made.
    """

    def __init__(self, folder: str | Path, network: ActionNetwork, about: dict, overwrite: bool = False) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise FileExistsError(f'--out {folder} is a file; name a folder')
        taken = [name for name in NAMES if (self.folder / name).exists()]
        if taken and not overwrite:
            raise FileExistsError(f'{self.folder / taken[0]} exists; --overwrite replaces it, or give another --out')
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
            OSError: If events.csv cannot be written; the events are still part of what :meth:`write` writes.
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
            OSError: If the disk is full. The people are dropped, so that there is room for the events.
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
        """Write all files but the film, events in order of time."""
        with contextlib.suppress(OSError):  # it is written again
            self._csv.close()
        self.events.sort(key=lambda event: (event.start, event.person))
        held = {**self.about, 'classes': self.classes, 'events': [event.as_dict() for event in self.events]}
        write_json(self.folder / 'events.json', held)
        table = io.StringIO(newline='')
        csv.writer(table).writerows([COLUMNS, *map(_row, self.events)])
        write_text(self.folder / 'events.csv', table.getvalue())
        write_text(self.folder / 'events.srt', subtitles(self.events))
        with replacing(self.folder / 'scores.npz') as file:
            np.savez(file, classes=np.array(self.classes), **self.scores.columns())


def _row(event: Event) -> list:
    held = event.as_dict()
    return [held[name] for name in COLUMNS]


def subtitles(events: Sequence[Event]) -> str:
    """SubRip text: at each time the labels of all persons, one line each; unknown actions are left out."""
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
