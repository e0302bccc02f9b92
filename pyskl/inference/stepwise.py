"""Label a stream with a network that processes each frame once and stores a state per person, without windows.

The network runs at ``rate`` ticks per second from the first frame of the stream. At each tick, the joints of everyone
present are computed from the observations in the same way as for windows: interpolated linearly over gaps of up to
``max_gap``, and marked as undetected (score 0) in longer gaps. A dropped frame is therefore a gap, not a shift. A tick
inside a gap is computed only when the gap has ended or has become too long, which delays the labels of all persons by
at most ``max_gap``. Ticks are computed in chunks of one hop, with all persons in one batch.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pyskl.inference.network import IMG_SHAPE, ActionNetwork
from pyskl.inference.person_steps import WINDOWS, PersonSteps
from pyskl.inference.stream import FEWEST, ActionStream, StreamSettings
from pyskl.inference.timeline import Event
from pyskl.inference.windows import PersonBuffer, to_center


def make_stream(
    network: ActionNetwork,
    fps: float = 30.0,
    size: tuple[int, int] | None = None,
    settings: StreamSettings | None = None,
    on_scores: Callable[[float, int, np.ndarray], None] | None = None,
) -> ActionStream:
    """Create a :class:`StepwiseStream` or :class:`ActionStream`, depending on the settings or the network's config.

    Raises:
        ValueError: If the network cannot be stepped.
    """
    settings = settings or StreamSettings()
    stepwise = getattr(network, 'stepwise', False) if settings.stepwise is None else settings.stepwise
    return (StepwiseStream if stepwise else ActionStream)(network, fps, size, settings, on_scores)


class StepwiseStream(ActionStream):
    """Label the people in a stream and compute each frame once.

    The scores are those of the network without padding in time on the last ``window`` seconds, which is at least its
    receptive field. A person has no scores until this time has passed; a person who leaves earlier is labelled by a
    single window. For networks for two persons, the features of persons who are near each other are pooled together.

    Args:
        network: ST-GCN, ST-GCN++ or Ske2Grid, with a pipeline that treats each frame alone.
        fps: As in :class:`ActionStream`, like ``size`` and ``on_scores``.
        settings: Settings of the stream. ``window`` is the receptive field if None; ``hop`` is rounded to a multiple of
            the network's stride. With ``center``, each person is shifted by where they were in the first hop, since
            the position in a whole window is not known; those who walk away from there leave the centre.

    Raises:
        ValueError: If the network or its pipeline cannot be stepped, or ``center`` is set for a network that takes
            pairs of persons.
    """

    def __init__(
        self,
        network: ActionNetwork,
        fps: float = 30.0,
        size: tuple[int, int] | None = None,
        settings: StreamSettings | None = None,
        on_scores: Callable[[float, int, np.ndarray], None] | None = None,
    ) -> None:
        settings = settings or StreamSettings()
        if settings.center and settings.nearness and network.num_person > 1:
            raise ValueError(
                f'stepwise centres each person alone, but this network labels pairs; {WINDOWS}, set nearness to 0, or '
                'turn center off'
            )
        self._shifts: dict[int, np.ndarray] = {}  # of each person, pixels
        self._steps = PersonSteps(network, settings.window)
        self._rate, self._ahead = self._steps.pipeline.rate, self._steps.pipeline.ahead
        strides = max(round(settings.hop * self._rate / self._steps.stride), 1)
        self._chunk = strides * self._steps.stride
        settings = replace(settings, window=self._steps.window / self._rate, hop=self._chunk / self._rate)
        super().__init__(network, fps, size, settings, on_scores)
        self._origin: float | None = None
        self._tick = 0  # first tick of the next chunk

    def _advance(self) -> list[Event]:
        ended = []
        if self._origin is None:
            self._origin = self._time
        while self._buffers:
            if not self._steps.persons:  # skip the time without persons
                begin = min(buffer.first for buffer in self._buffers.values())
                ticks = int((begin - self._origin) * self._rate + 1e-6)
                self._tick = max(self._tick, ticks - ticks % self._chunk)
            end = self._at(self._tick + self._chunk - 1 + self._ahead)
            if end > self._time + 1e-9 or not all(self._is_known(buffer, end) for buffer in self._buffers.values()):
                break
            ended += self._step()
            ended += self._close_absent(self._at(self._tick - 1))
        return ended + self._close_absent(self._time)

    def _at(self, tick: float) -> float:
        """Convert a tick to seconds."""
        return self._origin + tick / self._rate

    def _is_known(self, buffer: PersonBuffer, time: float) -> bool:
        """Return whether no later observation can change the joints at ``time``."""
        return buffer.last >= time - 1e-9 or self._time - buffer.last > self.settings.max_gap

    def _step(self) -> list[Event]:
        """Compute a chunk and label the persons in it."""
        at = self._origin + (self._tick + np.arange(self._chunk + self._ahead)) / self._rate
        self._tick += self._chunk
        last = at[self._chunk - 1] + 1e-9
        here = [person for person, buffer in sorted(self._buffers.items()) if buffer.first <= last]
        if not here:
            return []
        read = (self._buffers[person].read(at, self.settings.max_gap) for person in here)
        if self.settings.center and self.network.skeleton.dims == 2:
            read = (self._centered(person, *each) for person, each in zip(here, read, strict=True))
        joints, scores = zip(*read, strict=True)
        since = [int(np.searchsorted(at, self._buffers[person].first - 1e-9)) for person in here]
        score = np.stack(scores) if self.network.skeleton.dims == 2 else None
        self._steps.advance(here, self._steps.pipeline(np.stack(joints), score, self.size), since)
        end = self._at(self._tick - 1 - self._steps.lag)
        ready = [
            person
            for person in self._steps.ready()
            if end - self._buffers[person].last <= self.settings.max_gap and self._buffers[person].count >= FEWEST
        ]
        if not ready:
            return []
        units = self._units(ready, end)
        probabilities, confidences = self.network.judge(self._steps.logits(units).double().cpu()[:, None])
        middle, ended = end - (self._steps.window - 1) / self._rate / 2, []
        for unit, row, confidence in zip(units, probabilities, confidences, strict=True):
            ended += self._note(middle, unit, row, float(confidence))
        return ended

    def _centered(self, person: int, keypoint: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Shift a person's joints ``(T, V, 2)`` in the way of the first frames in which they were seen."""
        seen = score > 0
        if person not in self._shifts and seen.any():
            self._shifts[person] = to_center(keypoint, seen, self.size or IMG_SHAPE)
        shift = self._shifts.get(person, np.zeros(2))
        return np.where(seen[..., None], keypoint + shift, keypoint).astype(np.float32), score

    def _close(self, person: int) -> list[Event]:
        self._steps.drop(person)
        self._shifts.pop(person, None)
        return super()._close(person)
