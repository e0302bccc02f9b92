"""A stream that shows each frame to the network once: a state per person in place of windows.

The clock of the network ticks ``rate`` times per second from the first frame of the stream. At each tick everyone who
is there has joints, read from the observations as windows read them: on straight lines over gaps of up to ``max_gap``,
otherwise not seen (score 0), so that a dropped frame is a gap and not a shift. A tick inside a gap waits until the gap
ends or has become too long; the labels of all persons wait with it, for ``max_gap`` at most. Ticks are computed in
chunks of a hop, all persons in one batch.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pyskl.inference.network import ActionNetwork
from pyskl.inference.person_steps import WINDOWS, PersonSteps
from pyskl.inference.stream import FEWEST, ActionStream, StreamSettings
from pyskl.inference.timeline import Event
from pyskl.inference.windows import PersonBuffer


def make_stream(
    network: ActionNetwork,
    fps: float = 30.0,
    size: tuple[int, int] | None = None,
    settings: StreamSettings | None = None,
    on_scores: Callable[[float, int, np.ndarray], None] | None = None,
) -> ActionStream:
    """A stream of windows or of steps, as the settings or else the network's config say; see :class:`ActionStream`.

    Raises:
        ValueError: If the network cannot be stepped.
    """
    settings = settings or StreamSettings()
    stepwise = getattr(network, 'stepwise', False) if settings.stepwise is None else settings.stepwise
    return (StepwiseStream if stepwise else ActionStream)(network, fps, size, settings, on_scores)


class StepwiseStream(ActionStream):
    """Labels the people of a stream, each frame computed once.

    Scores are those of the network without padding in time on the ``window`` seconds before, at least its receptive
    field. A person has none until that has passed; one who leaves earlier is labelled as a whole, by a window. Of
    networks for two, the features of those who are near each other are pooled together.

    Args:
        network: ST-GCN, ST-GCN++ or Ske2Grid, with a pipeline that treats each frame alone.
        fps: As of :class:`ActionStream`, as are ``size`` and ``on_scores``.
        settings: ``window``: None is the receptive field; ``hop`` is rounded to the network's strides.

    Raises:
        ValueError: If the network or its pipeline cannot be stepped, or ``center`` is set, which depends on a window.
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
        if settings.center:
            raise ValueError(f'center shifts people by their place in a whole window; {WINDOWS}, or center off')
        self._steps = PersonSteps(network, settings.window)
        self._rate, self._ahead = self._steps.pipeline.rate, self._steps.pipeline.ahead
        strides = max(round(settings.hop * self._rate / self._steps.stride), 1)
        self._chunk = strides * self._steps.stride
        settings = replace(settings, window=self._steps.window / self._rate, hop=self._chunk / self._rate)
        super().__init__(network, fps, size, settings, on_scores)
        self._origin: float | None = None
        self._tick = 0  # first of the next chunk

    def _advance(self) -> list[Event]:
        ended = []
        if self._origin is None:
            self._origin = self._time
        while self._buffers:
            if not self._steps.persons:  # skip at once the time in which nobody was there
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
        """Seconds."""
        return self._origin + tick / self._rate

    def _is_known(self, buffer: PersonBuffer, time: float) -> bool:
        """Whether no later observation can change the joints at ``time``."""
        return buffer.last >= time - 1e-9 or self._time - buffer.last > self.settings.max_gap

    def _step(self) -> list[Event]:
        """Compute a chunk and label those who are there."""
        at = self._origin + (self._tick + np.arange(self._chunk + self._ahead)) / self._rate
        self._tick += self._chunk
        last = at[self._chunk - 1] + 1e-9
        here = [person for person, buffer in sorted(self._buffers.items()) if buffer.first <= last]
        if not here:
            return []
        joints, scores = zip(*(self._buffers[person].read(at, self.settings.max_gap) for person in here), strict=True)
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
        for unit, row, sure in zip(units, probabilities, confidences, strict=True):
            ended += self._note(middle, unit, row, float(sure))
        return ended

    def _close(self, person: int) -> list[Event]:
        self._steps.drop(person)
        return super()._close(person)
