"""Explain the labels of a whole film: the responses of :mod:`explain` for each frame.

The people of the film are passed through the network again in windows that overlap by half. Each frame gets the mean of
its windows, weighted towards their centres. Memory is bounded by the number of people in a window.

Axes: ``P`` persons of a frame, ``n`` rows (one per tracked person and frame), ``V`` joints, ``H' x W'`` grid cells.
"""

import contextlib
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pyskl.files import replacing
from pyskl.inference.explain import Response, explain
from pyskl.inference.network import ActionNetwork
from pyskl.inference.stream import FEWEST, ActionStream, StreamSettings
from pyskl.inference.timeline import Event

KINDS = ('magnitude', 'gradient')
LONGEST_HOP = 60.0  # seconds, the limit of StreamSettings
SAMPLES = 100_000  # maximum number of values used to estimate the colour scale
SCALE = (5, 99)  # percentiles at the ends of the colour scale


class _Scale:
    """Estimate percentiles of many values from a bounded sample."""

    def __init__(self) -> None:
        self._samples, self._size, self._every, self._count = [], 0, 1, 0

    def add(self, values: np.ndarray) -> None:
        """Add the values of a frame; NaN is ignored."""
        self._count += 1
        values = values[np.isfinite(values)]
        if self._count % self._every or not len(values):
            return
        self._samples.append(values)
        self._size += len(values)
        if self._size > SAMPLES:
            self._samples, self._every = self._samples[1::2], self._every * 2
            self._size = sum(map(len, self._samples))

    def limits(self) -> tuple[float, float]:
        """Return the percentiles :data:`SCALE`."""
        if not self._samples:
            return 0.0, 1.0
        low, high = np.percentile(np.concatenate(self._samples), SCALE)
        return float(low), float(max(high, low + np.finfo(np.float32).tiny))


class ResponseSpool:
    """Store the responses of all tracked persons in an unnamed temporary file, written and then read in order.

    Args:
        folder: Folder of the file.
        kind: One of :data:`KINDS`.
        network: The network, whose joints and classes are written.
        grid: (H', W') of the cells of Ske2Grid, else None.
    """

    def __init__(self, folder: Path, kind: str, network: ActionNetwork, grid: tuple[int, int] | None) -> None:
        self.kind, self.grid = kind, grid
        self._network = network
        columns = [
            ('time', '<f8'),
            ('person', '<i4'),
            ('index', '<i4'),
            ('response', '<f4', network.skeleton.num_joints),
        ]
        self._row = np.dtype(columns + ([('cells', '<f4', grid)] if grid else []))
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._scales = {name: _Scale() for name in ('response', 'cells')}

    def add(self, rows: np.ndarray, seen: np.ndarray) -> None:
        """Append rows; ``seen`` ``(n, V)`` selects the joints that determine the scale."""
        self._file.write(rows.tobytes())
        self._scales['response'].add(rows['response'][seen])
        if self.grid:
            self._scales['cells'].add(rows['cells'].ravel())

    def empty(self, count: int) -> np.ndarray:
        """Create ``(count,)`` rows without responses."""
        rows = np.zeros(count, self._row)
        rows['index'] = -1
        for name in ('response', 'cells')[: 2 if self.grid else 1]:
            rows[name] = np.nan
        return rows

    def rewind(self) -> None:
        """Go to the first row, before :meth:`strengths`."""
        self._file.seek(0)
        self._limits = {name: scale.limits() for name, scale in self._scales.items()}

    def strengths(self, persons: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Read the responses of the next frame, scaled for drawing.

        Args:
            persons: ``(P,)``: numbers of the persons in the frame, 0 for untracked ones.

        Returns:
            ``(P, V)`` of joints and ``(P, H', W')`` of cells (None without a grid), from 0 (weak) to 1 (strong); 0 if
            there is no response.
        """
        tracked = np.flatnonzero(persons > 0)
        rows = np.frombuffer(self._file.read(self._row.itemsize * len(tracked)), self._row)
        found = []
        for name in ('response', 'cells')[: 2 if self.grid else 1]:
            out = np.zeros((len(persons), *self._row[name].shape), np.float32)
            low, high = self._limits[name]
            out[tracked] = np.nan_to_num((rows[name] - low) / (high - low)).clip(0, 1)
            found.append(out)
        return found[0], found[1] if self.grid else None

    def write(self, path: Path) -> None:
        """Write ``explain.npz``; see docs/film.md for its arrays.

        Raises:
            OSError: If the file cannot be written.
        """
        self._file.flush()
        rows = np.memmap(self._file, self._row, mode='r') if self._file.tell() else np.zeros(0, self._row)
        about = {
            'kind': np.array(self.kind), 'joints': np.array(self._network.skeleton.joints),
            'classes': np.array(self._network.classes),
        }  # fmt: skip
        with replacing(path) as file:
            np.savez(file, **about, **{name: rows[name] for name in self._row.names})

    def close(self) -> None:
        """Delete the file."""
        with contextlib.suppress(OSError):  # what a full disk did not take
            self._file.close()


@dataclass
class _Frame:
    """Tracked people of a frame, retained until all its windows are finished."""

    time: float
    rows: np.ndarray  # rows of the spool
    seen: np.ndarray  # (n, V)
    places: dict[int, int]  # row of each person
    sums: dict[int, '_Sum']  # of each person


@dataclass
class _Sum:
    """Weighted sum of the responses of a frame's windows."""

    weight: float
    joints: np.ndarray
    cells: np.ndarray | None
    heaviest: float


class _ResponseStream(ActionStream):
    """Stream that computes responses instead of labels."""

    def __init__(
        self,
        network: ActionNetwork,
        size: tuple[int, int] | None,
        settings: StreamSettings,
        spool: ResponseSpool,
        label_at: Callable[[int, float], int | None],
    ) -> None:
        window = settings.window or network.window
        super().__init__(network, size=size, settings=replace(settings, hop=min(window / 2, LONGEST_HOP)))
        self._spool, self._label_at = spool, label_at
        self._waiting: deque[_Frame] = deque()
        self._delay = window + settings.max_age + 2 / network.fps

    def take(self, time: float, persons: np.ndarray, keypoint: np.ndarray, score: np.ndarray) -> None:
        """Process the people of the next frame, with their numbers."""
        tracked = np.flatnonzero(persons > 0)
        numbers = persons[tracked]
        rows = self._spool.empty(len(tracked))
        rows['time'], rows['person'] = time, numbers
        places = {int(number): place for place, number in enumerate(numbers)}
        self._waiting.append(_Frame(time, rows, score[tracked] > 0, places, {}))
        self.update((keypoint[tracked], score[tracked]), time, (numbers - 1).tolist())
        while self._waiting and self._waiting[0].time < time - self._delay:
            self._release()

    def end(self) -> None:
        """Process the last windows and write the last rows."""
        if self._buffers:
            self._label(self.time)
        self.finish()
        while self._waiting:
            self._release()

    def _release(self) -> None:
        frame = self._waiting.popleft()
        for person, total in frame.sums.items():
            row = frame.rows[frame.places[person]]
            row['response'] = total.joints / total.weight
            if total.cells is not None:
                row['cells'] = total.cells / total.weight
        self._spool.add(frame.rows, frame.seen)

    def _close(self, person: int) -> list[Event]:
        last = self._buffers[person].last
        if self._buffers[person].count >= FEWEST:
            self._score([(last, (person,), self._window((person,), last))])
        return super()._close(person)

    def _score(self, units: list[tuple[float, tuple[int, ...], dict]]) -> list[Event]:
        gradient = self._spool.kind == 'gradient'
        for end, unit, window in units:
            length = window['keypoint'].shape[1]
            times = end - np.arange(length - 1, -1, -1) / self.network.fps
            index = self._label_at(unit[0], float(times.mean())) if gradient else None
            found = explain(self.network, window, gradient, index)
            for place in range(min(len(unit), len(found.joints))):
                self._add(unit[found.persons[place]], times[found.frames], found, place, gradient)
            for person in unit:
                self._labelled[person] += 1
        return []

    def _add(self, person: int, times: np.ndarray, found: Response, place: int, gradient: bool) -> None:
        """Add the response of a window to the frames of a person that it covers."""
        begin, end, slack = times[0], times[-1], 1 / self.network.fps
        for frame in reversed(self._waiting):
            if frame.time < begin - slack:
                return
            if frame.time > end + slack or person not in frame.places:
                continue
            near = int(np.abs(times - frame.time).argmin())
            weight = max(min(frame.time - begin, end - frame.time), 0.0) + slack
            joints = weight * found.joints[place, near]
            cells = None if found.cells is None else weight * found.cells[place, near]
            total = frame.sums.get(person)
            if gradient and (total is None or weight > total.heaviest):  # the class of the window that counts most
                frame.rows['index'][frame.places[person]] = found.index
            if total is None:
                frame.sums[person] = _Sum(weight, joints, cells, weight)
                continue
            total.weight, total.joints = total.weight + weight, total.joints + joints
            total.cells = None if cells is None else total.cells + cells
            total.heaviest = max(total.heaviest, weight)


def check_explainable(network: ActionNetwork, kind: str) -> tuple[int, int] | None:
    """Compute one response, so that an unsuitable network raises before a film is read.

    Returns:
        (H', W') of the cells of Ske2Grid, else None.

    Raises:
        ValueError: If ``kind`` is unknown or the network has no features per joint.
    """
    if kind not in KINDS:
        raise ValueError(f'explain must be one of {KINDS}, got {kind!r}')
    skeleton = network.skeleton
    joints = np.random.RandomState(0).uniform(1, 100, (1, 1, skeleton.num_joints, skeleton.dims)).astype(np.float32)
    window = {'keypoint': joints.repeat(FEWEST, 1)}
    if skeleton.dims == 2:
        window['keypoint_score'] = np.ones((1, FEWEST, skeleton.num_joints), np.float32)
    cells = explain(network, window).cells
    return None if cells is None else cells.shape[2:]


def respond(
    network: ActionNetwork,
    people: Iterable[tuple[float, np.ndarray, np.ndarray, np.ndarray]],
    folder: Path,
    kind: str,
    events: Sequence[Event] = (),
    size: tuple[int, int] | None = None,
    settings: StreamSettings | None = None,
) -> ResponseSpool:
    """Compute the responses to all tracked people of a film.

    Args:
        network: The network.
        people: (time, numbers of persons, joints, scores) of each frame, as in a PeopleSpool.
        folder: Folder of the temporary file.
        kind: ``magnitude``: norm of the feature vectors; ``gradient``: evidence for the person's label at that time, or
            for the most likely class if it is unknown.
        events: The labelled intervals.
        size: (height, width) of the images, pixels.
        settings: The settings used for labelling.

    Returns:
        The spool, to be closed by the caller.

    Raises:
        ValueError: If the network has no features per joint.
    """
    spool = ResponseSpool(folder, kind, network, check_explainable(network, kind))
    try:
        stream = _ResponseStream(network, size, settings or StreamSettings(), spool, _labels_of(events))
        for frame in people:
            stream.take(*frame)
        stream.end()
    except BaseException:
        spool.close()
        raise
    return spool


def _labels_of(events: Sequence[Event]) -> Callable[[int, float], int | None]:
    """Return a function that maps a person and a time to the class; None if it is unknown."""
    known: dict[int, list[Event]] = {}
    for event in events:
        if event.index >= 0:
            known.setdefault(event.person, []).append(event)

    def label_at(person: int, time: float) -> int | None:
        return next((event.index for event in known.get(person, ()) if event.start <= time <= event.end), None)

    return label_at
