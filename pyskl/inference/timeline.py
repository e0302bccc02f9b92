"""Convert the scores of one person over time to labelled intervals."""

from collections import deque
from dataclasses import asdict, dataclass, replace

import numpy as np

UNKNOWN = 'unknown'


@dataclass(frozen=True)
class Event:
    """A labelled interval of a person.

    Args:
        person: Number of the person, from 1, constant over the stream.
        start: Start in seconds.
        end: End in seconds.
        label: Name of the class, or ``unknown``.
        index: Index of the class; -1 for unknown.
        score: Mean probability of the label over the interval; for unknown, that of the most likely class.
        partner: The other person if two were labelled together, else 0.
        top: The five most likely classes over the interval, as (name, mean probability).
    """

    person: int
    start: float
    end: float
    label: str
    index: int
    score: float
    partner: int = 0
    top: tuple[tuple[str, float], ...] = ()

    def as_dict(self) -> dict:
        """Convert to a dict for JSON, with times rounded to milliseconds."""
        content = asdict(self)
        content.update(start=round(self.start, 3), end=round(self.end, 3), score=round(self.score, 4))
        content['top'] = [[name, round(score, 4)] for name, score in self.top]
        return content


class Timeline:
    """Compute the intervals of one person.

    Scores are averaged over ``smooth`` windows. A label starts when its confidence reaches ``threshold``, and ends when
    the confidence falls below ``keep`` or when other labels win in ``confirm`` consecutive windows; the change is dated
    back to the first of these (with a third label in between, to the middle of its windows).

    A window that contains the end of one action and the start of the next may resemble a third action: if a hand is up
    in one and down in the other, it is lowered in between. Such a label lasts no longer than a window. Therefore, an
    interval of at most ``shortest`` between two different known labels is removed, and its time is divided equally
    between these. Between two equal labels a short action is possible: there, only a known label of at most half of
    ``shortest`` is removed, and both sides become one interval. To allow this, an interval is returned only when the
    next one has lasted longer than ``shortest``.

    Args:
        person: Number of the person.
        start: Time when the person was first detected, seconds.
        classes: K class names.
        threshold: Confidence at which a label starts.
        keep: Confidence below which a label ends, at most ``threshold``.
        smooth: Number of windows to average.
        confirm: Number of consecutive windows that a change of label requires.
        probability: Whether the confidence is the largest smoothed probability; otherwise it is passed to :meth:`add`.
        shortest: Duration that a label between two others must exceed, seconds; 0: no minimum.
    """

    def __init__(
        self,
        person: int,
        start: float,
        classes: list[str],
        threshold: float,
        keep: float,
        smooth: int = 3,
        confirm: int = 2,
        probability: bool = True,
        shortest: float = 0.0,
    ) -> None:
        self.person, self.classes = person, classes
        self.threshold, self.keep, self.confirm, self.probability = threshold, keep, confirm, probability
        self.shortest = shortest
        self.label = None  # index of the class, -1 for unknown, None before the first window
        self.score = 0.0  # current score of the label
        self.partner = 0
        self._start = self._before = start
        self._recent = deque(maxlen=smooth)
        self._total, self._count = np.zeros(len(classes)), 0
        self._pending: Event | None = None  # has ended, but its end moves if the current label turns out too short
        self._pending_sums = (self._total, self._count)
        self._change = []  # windows whose label differs from the current one: (time, label, probabilities)

    def add(self, time: float, probability: np.ndarray, confidence: float, partner: int = 0) -> list[Event]:
        """Add the scores of one window.

        Args:
            time: Centre of the window, seconds.
            probability: ``(K,)``.
            confidence: Confidence of the window; unused if the largest probability is the confidence.
            partner: The other person in the window, 0 if there is none.

        Returns:
            The intervals that ended.
        """
        self._recent.append((time, probability, confidence))
        times, rows, confidences = zip(*self._recent, strict=True)
        time, smoothed = float(np.mean(times)), np.mean(rows, axis=0)
        label = self._decide(smoothed, float(smoothed.max()) if self.probability else float(np.mean(confidences)))
        ended = []
        if self.label is None:
            self.label, self.partner = label, partner
        if label == self.label:
            for _, _, row in self._change:
                self._sum(row)
            self._change = []
            self._sum(smoothed)
            self.partner = partner or self.partner
        else:
            self._change.append(((self._before + time) / 2, label, smoothed))
            if len(self._change) >= self.confirm:
                # Windows with a third label in between are divided equally between the old and the new label.
                own = next(at for at, other, _ in self._change if other == label)
                change = (self._change[0][0] + own) / 2
                sums = (self._total, self._count)
                event = self._end(change)
                ended, change = self._switch(event, sums, label)
                self.label, self.partner, self._start = label, partner, change
                for _, _, row in self._change:
                    self._sum(row)
                self._change = []
        self.score = float(smoothed[self.label]) if self.label >= 0 else float(smoothed.max())
        self._before = time
        lasted = (self._change[0][0] if self._change else time) - self._start
        if self._pending is not None and lasted > self.shortest + 1e-6:
            ended.append(self._pending)
            self._pending = None
        return ended

    def finish(self, time: float) -> list[Event]:
        """Return the last intervals, which end at ``time``; none if the person was never labelled."""
        if self.label is None:
            return []
        for _, _, row in self._change:
            self._sum(row)
        return [event for event in (self._pending, self._end(time)) if event is not None]

    def _switch(self, event: Event, sums: tuple[np.ndarray, int], label: int) -> tuple[list[Event], float]:
        """Hold the interval that ended, or remove it; return the final intervals and the start of ``label``.

        Args:
            event: The interval that ended.
            sums: Sum and number of its windows.
            label: Index of the class that follows, -1 for unknown.
        """
        pending, self._pending = self._pending, event
        pending_sums, self._pending_sums = self._pending_sums, sums
        if pending is None:
            return [], event.end
        lasted = event.end - event.start
        if pending.index == label and min(label, event.index) >= 0 and lasted <= self.shortest / 2 + 1e-6:
            self._pending, (self._total, self._count) = None, pending_sums
            return [], pending.start
        between = pending.index >= 0 and label >= 0 and pending.index != label
        if not between or lasted > self.shortest + 1e-6:
            return [pending], event.end
        middle = (event.start + event.end) / 2
        self._pending, self._pending_sums = replace(pending, end=middle), pending_sums
        return [], middle

    def _decide(self, smoothed: np.ndarray, confidence: float) -> int:
        """Choose the label of a window."""
        best = int(smoothed.argmax())
        if confidence >= self.threshold:
            return best
        if self.label is not None and self.label >= 0 and best == self.label and confidence >= self.keep:
            return self.label
        return -1

    def _sum(self, row: np.ndarray) -> None:
        self._total += row
        self._count += 1

    def _end(self, time: float) -> Event:
        mean = self._total / max(self._count, 1)
        best = np.argsort(-mean, kind='stable')[:5]
        known = self.label >= 0
        event = Event(
            self.person, self._start, max(time, self._start), self.classes[self.label] if known else UNKNOWN,
            self.label, float(mean[self.label] if known else mean.max()), self.partner,
            tuple((self.classes[k], float(mean[k])) for k in best),
        )  # fmt: skip
        self._total, self._count = np.zeros_like(self._total), 0
        return event
