"""Label people frame by frame from their joints.

Axes: ``P`` persons of a frame, ``V`` joints, ``C`` coordinates, ``K`` classes.

Windows end at multiples of the hop on the stream's clock, so that a dropped frame is a gap in time rather than a shift.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pyskl.inference.network import IMG_SHAPE, ActionNetwork
from pyskl.inference.timeline import Event, Timeline
from pyskl.inference.windows import PersonBuffer, centered, near_pairs
from pyskl.pose.tracking import MAX_A_FRAME, Tracker

People = tuple[np.ndarray, np.ndarray] | np.ndarray
FEWEST = 5  # minimum number of observations of a person to be labelled
METRES = 1000  # scale of 3D joints in metres for the tracker, whose smallest person has size 1


@dataclass(frozen=True)
class StreamSettings:
    """Settings for windows and labels of a stream.

    Args:
        window: Duration of a window, seconds; None: the network's.
        hop: Seconds between two windows.
        threshold: Confidence at which a label starts; None: the calibration's.
        keep: Fraction of the threshold below which a label ends (for confidences that are probabilities).
        smooth: Number of windows whose scores are averaged.
        confirm: Number of consecutive windows that a change of label requires; None: half the duration of a window, at
            least 2.
        shortest: Duration that a label between two others must exceed, seconds; None: a window and a hop. See
            :class:`pyskl.inference.timeline.Timeline`.
        max_gap: Longest interpolated gap of a joint, seconds.
        max_age: Time that a person may be undetected and still be the same person, seconds.
        nearness: Maximum distance of two persons, relative to their mean height, for a network for two persons to label
            them together; 0 labels everyone separately.
        center: Whether to shift windows of 2D joints so that the people are in the centre of the image, as in datasets
            whose camera is aimed at the person.
        stepwise: Whether to process each frame once, with a state per person, instead of windows, see
            :mod:`pyskl.inference.stepwise`; None: the config's ``stepwise``.

    Raises:
        ValueError: If a value is out of range.
    """

    window: float | None = None
    hop: float = 8 / 30
    threshold: float | None = None
    keep: float = 0.7
    smooth: int = 5
    confirm: int | None = None
    shortest: float | None = None
    max_gap: float = 0.5
    max_age: float = 1.0
    nearness: float = 0.8
    center: bool = False
    stepwise: bool | None = None

    def __post_init__(self) -> None:
        ranges = {
            'window': (0.1, 600), 'hop': (0.01, 60), 'keep': (0, 1), 'smooth': (1, 100), 'confirm': (1, 100),
            'shortest': (0, 600), 'max_gap': (0, 60), 'max_age': (0, 600), 'nearness': (0, 100),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f'{name.replace("_", "-")} must be {low} to {high}, got {value!r}')
        if self.threshold is not None and not np.isfinite(self.threshold):
            raise ValueError(f'threshold must be a number, got {self.threshold!r}')


class ActionStream:
    """Label the people in a running stream. Memory is bounded by the number of people present.

    Args:
        network: The network.
        fps: Frames per second of the stream, for frames without a time.
        size: (height, width) of the image that joints refer to; None: the pipeline's default, 1080 x 1920.
        settings: See :class:`StreamSettings`.
        on_scores: Called with (centre of the window in seconds, person, ``(K,)`` probabilities) for every window.
    """

    def __init__(
        self,
        network: ActionNetwork,
        fps: float = 30.0,
        size: tuple[int, int] | None = None,
        settings: StreamSettings | None = None,
        on_scores: Callable[[float, int, np.ndarray], None] | None = None,
    ) -> None:
        if not 0 < fps <= 1000:
            raise ValueError(f'fps must be above 0 and at most 1000, got {fps!r}')
        self.network, self.fps, self.size, self.on_scores = network, fps, size, on_scores
        settings = settings or StreamSettings()
        self.settings = replace(settings, window=settings.window or network.window)
        self.persons = np.empty(0, int)  # number of each person in the latest frame, 0 for untracked persons
        self._tracker = Tracker(self.settings.max_age)
        self._buffers: dict[int, PersonBuffer] = {}
        self._timelines: dict[int, Timeline] = {}
        self._labelled: dict[int, int] = {}  # number of windows of each person so far
        self._time = self._next = None
        self._frame = 0
        self._confirm = self.settings.confirm or max(2, round(self.settings.window / self.settings.hop / 2))
        self._length = max(round(self.settings.window * network.fps), 1)  # T

    @property
    def time(self) -> float:
        """Time of the latest frame, seconds."""
        return self._time or 0.0

    def current(self) -> dict[int, tuple[str, float]]:
        """Return label and score of the latest window for each person who is present."""
        classes = [*self.network.classes, 'unknown']
        return {
            person: (classes[timeline.label], timeline.score)
            for person, timeline in self._timelines.items()
            if timeline.label is not None
        }

    def update(self, people: People | None, time: float | None = None, ids: Sequence[int] | None = None) -> list[Event]:
        """Process the people of the next frame.

        Args:
            people: ``(P, V, C)`` joints and ``(P, V)`` scores, 0 if undetected; or ``(P, V, 3)`` of x, y, score; None
                for a dropped frame.
            time: Seconds; None counts frames at ``fps``.
            ids: ``(P,)`` non-negative identities, if known; otherwise persons are tracked here. Pass them always or
                never.

        Returns:
            The intervals that ended.

        Raises:
            ValueError: If the joints are not those of the network, a number is not finite, identities do not match the
                persons, or the time does not increase.
        """
        if time is None:
            time = self._frame / self.fps if self._time is None or self._frame == 0 else self._time + 1 / self.fps
        self._frame += 1
        time = float(time)
        if self._time is not None and not time > self._time:
            raise ValueError(f'time must increase from frame to frame, got {time:g} s after {self._time:g} s')
        self._time = time
        if people is None:
            return self._advance()
        keypoint, score = self._checked(people)
        if ids is None:
            points = keypoint[..., :2] * (METRES if self.network.skeleton.dims == 3 else 1)
            persons = self._tracker.update(time, points, score) + 1
        else:
            if len(ids) != len(keypoint) or len(set(ids)) < len(ids):
                raise ValueError(f'ids must be unique, one per person, got {list(ids)} for {len(keypoint)} persons')
            persons = np.asarray(ids, int) + 1
        self.persons = persons
        ended = []
        for row in np.flatnonzero(persons > 0)[:MAX_A_FRAME]:
            person = int(persons[row])
            if person in self._buffers and time - self._buffers[person].last > self.settings.max_age:
                ended += self._close(person)
            if person not in self._buffers:
                self._begin(person, time)
            self._buffers[person].add(time, keypoint[row], score[row])
        return ended + self._advance()

    def finish(self) -> list[Event]:
        """End the stream and return the last intervals of all persons; the stream must not be used afterwards."""
        return [event for person in sorted(self._buffers) for event in self._close(person)]

    def _begin(self, person: int, time: float) -> None:
        settings, calibration = self.settings, self.network.calibration
        threshold = calibration.threshold if settings.threshold is None else settings.threshold
        probability = calibration.method == 'max_prob'
        keep = threshold * settings.keep if threshold > 0 else threshold
        self._buffers[person] = PersonBuffer(time, settings.window + settings.max_gap + settings.hop)
        self._timelines[person] = Timeline(
            person, time, self.network.classes, threshold, keep, settings.smooth, self._confirm, probability,
            settings.window + settings.hop if settings.shortest is None else settings.shortest,
        )  # fmt: skip
        self._labelled[person] = 0

    def _checked(self, people: People) -> tuple[np.ndarray, np.ndarray]:
        skeleton = self.network.skeleton
        if isinstance(people, tuple):
            keypoint, score = (np.asarray(array, np.float32) for array in people)
        else:
            array = np.asarray(people, np.float32)
            if array.ndim != 3 or array.shape[-1] != 3 or skeleton.dims != 2:
                raise ValueError(
                    f'people must be (P, V, 3) with x, y, score, or a tuple of joints and scores, got {array.shape}'
                )
            keypoint, score = array[..., :2], array[..., 2]
        if len(keypoint) == 0:
            keypoint = np.zeros((0, skeleton.num_joints, skeleton.dims), np.float32)
            score = np.zeros((0, skeleton.num_joints), np.float32)
        expected = (skeleton.num_joints, skeleton.dims)
        if keypoint.ndim != 3 or keypoint.shape[1:] != expected or score.shape != keypoint.shape[:2]:
            raise ValueError(
                f'the network needs {skeleton.num_joints} joints ({skeleton.name}) with {skeleton.dims} coordinates, '
                f'got joints {keypoint.shape} and scores {score.shape}'
            )
        if not (np.isfinite(keypoint).all() and np.isfinite(score).all()):
            raise ValueError('joints and scores must be finite; set the score of undetected joints to 0')
        return keypoint, score

    def _advance(self) -> list[Event]:
        """Label all windows that have ended, and close the timelines of people who left."""
        ended = []
        if self._next is None:
            self._next = self._time
        hop = self.settings.hop
        while self._next <= self._time + 1e-9:
            # Skip all windows in which no person was present.
            begin = min((buffer.first for buffer in self._buffers.values()), default=self._time + hop)
            if self._next < begin - hop:
                self._next += hop * int((begin - self._next) / hop)
                continue
            ended += self._label(self._next)
            ended += self._close_absent(self._next)
            self._next += hop
        return ended + self._close_absent(self._time)

    def _close_absent(self, time: float) -> list[Event]:
        gone = [p for p, buffer in self._buffers.items() if time - buffer.last > self.settings.max_age]
        return [event for person in gone for event in self._close(person)]

    def _close(self, person: int) -> list[Event]:
        buffer = self._buffers[person]
        if not self._labelled[person] and buffer.count >= FEWEST:  # shorter than a window: label all of it
            self._score([(buffer.last, (person,), self._window((person,), buffer.last))])
        ended = self._timelines[person].finish(buffer.last)
        for table in (self._buffers, self._timelines, self._labelled):
            del table[person]
        return ended

    def _times(self, persons: Sequence[int], end: float) -> np.ndarray:
        """Times of the frames of a window that ends at ``end``, from the first appearance of ``persons`` on."""
        at = end - np.arange(self._length - 1, -1, -1) / self.network.fps
        first = min(self._buffers[person].first for person in persons)
        return at[at >= first - 1e-9] if at[-1] >= first else at[-1:]

    def _window(self, persons: Sequence[int], end: float) -> dict:
        at = self._times(persons, end)
        joints = [self._buffers[person].read(at, self.settings.max_gap) for person in persons]
        window = {'keypoint': np.stack([keypoint for keypoint, _ in joints])}
        if self.network.skeleton.dims == 2:
            window['keypoint_score'] = np.stack([score for _, score in joints])
            if self.settings.center:
                size = self.size or IMG_SHAPE
                window['keypoint'] = centered(window['keypoint'], window['keypoint_score'] > 0, size)
        if self.size is not None:
            window['img_shape'] = self.size
        return window

    def _label(self, end: float) -> list[Event]:
        """Label everyone who is present at ``end`` in one batch."""
        needed = min(self.settings.window / 3, 1.0)
        here = [
            person
            for person, buffer in sorted(self._buffers.items())
            if end - buffer.last <= self.settings.max_gap and end - buffer.first >= needed and buffer.count >= FEWEST
        ]
        if not here:
            return []
        return self._score([(end, unit, self._window(unit, end)) for unit in self._units(here, end)])

    def _units(self, here: list[int], end: float) -> list[tuple[int, ...]]:
        """Everyone alone, or in the pair that the network takes together."""
        units: list[tuple[int, ...]] = []
        if self.network.num_person > 1 and self.settings.nearness and len(here) > 1:
            units = self._pairs(here, end)
        paired = {person for unit in units for person in unit}
        return sorted([*units, *((person,) for person in here if person not in paired)])

    def _pairs(self, here: list[int], end: float) -> list[tuple[int, ...]]:
        at = end - np.arange(self._length - 1, -1, -1) / self.network.fps
        at = at[at >= max(self._buffers[person].first for person in here) - 1e-9][-self._length :]
        if not len(at):
            return []
        keypoint, score = zip(*(self._buffers[person].read(at, self.settings.max_gap) for person in here), strict=True)
        if self.network.skeleton.dims == 3:
            score = [(k != 0).any(-1).astype(np.float32) for k in keypoint]
        pairs = near_pairs(list(keypoint), list(score), self.settings.nearness)
        return [(here[a], here[b]) for a, b in pairs]

    def _score(self, units: list[tuple[float, tuple[int, ...], dict]]) -> list[Event]:
        probabilities, confidences = self.network.scores([window for _, _, window in units])
        ended = []
        for (end, unit, window), row, confidence in zip(units, probabilities, confidences, strict=True):
            middle = end - (window['keypoint'].shape[1] - 1) / self.network.fps / 2
            ended += self._note(middle, unit, row, float(confidence))
        return ended

    def _note(self, middle: float, unit: tuple[int, ...], row: np.ndarray, confidence: float) -> list[Event]:
        """Enter the probabilities of a unit into the timelines of its persons."""
        ended = []
        for person in unit:
            partner = next((other for other in unit if other != person), 0)
            ended += self._timelines[person].add(middle, row, confidence, partner)
            self._labelled[person] += 1
            if self.on_scores:
                self.on_scores(middle, person, row)
        return ended
