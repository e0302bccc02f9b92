"""Intervals from scores of two classes, by hand."""

import numpy as np
import pytest

from pyskl.inference.timeline import Event, Timeline

WALK, WAVE, UNSURE = np.array([0.9, 0.1]), np.array([0.1, 0.9]), np.array([0.5, 0.5])


def timeline(**options):
    return Timeline(1, 0.0, ['walk', 'wave'], **{'threshold': 0.6, 'keep': 0.55, 'smooth': 1, **options})


def run(line, windows, end):
    """Events of windows one second apart, from second 1, as (start, end, label)."""
    events = [line.add(float(number), row, 0.0) for number, row in enumerate(windows, 1)]
    return [(e.start, e.end, e.label) for e in [*events, line.finish(end)] if e is not None]


def test_one_label_is_one_interval_with_the_mean_of_its_scores():
    line = timeline()
    assert run(line, [WALK, [0.7, 0.3], WALK], 4.0) == [(0.0, 4.0, 'walk')]
    line = timeline()
    line.add(1.0, np.array([0.9, 0.1]), 0)
    line.add(2.0, np.array([0.7, 0.3]), 0)
    event = line.finish(3.0)
    assert event.score == pytest.approx(0.8)
    assert event.top == (('walk', pytest.approx(0.8)), ('wave', pytest.approx(0.2)))


def test_a_change_is_dated_back_to_between_the_two_windows():
    assert run(timeline(), [WALK, WALK, WAVE, WAVE], 5.0) == [(0.0, 2.5, 'walk'), (2.5, 5.0, 'wave')]


def test_a_single_window_changes_nothing_and_counts_for_what_it_interrupts():
    line = timeline()
    assert run(line, [WALK, WAVE, WALK], 4.0) == [(0.0, 4.0, 'walk')]
    line = timeline(confirm=1)
    assert [label for *_, label in run(line, [WALK, WAVE, WALK], 4.0)] == ['walk', 'wave', 'walk']


def test_a_third_label_in_between_belongs_half_to_each_side():
    # Changes to unknown at 2.5 and to wave at 3.5: walk ends in their middle.
    assert run(timeline(), [WALK, WALK, UNSURE, WAVE], 5.0) == [(0.0, 3.0, 'walk'), (3.0, 5.0, 'wave')]


def test_a_label_starts_at_the_threshold_and_lasts_to_keep():
    lasting = [[0.6, 0.4], [0.55, 0.45], [0.55, 0.45]]
    assert run(timeline(), lasting, 4.0) == [(0.0, 4.0, 'walk')]
    assert run(timeline(), lasting[1:], 3.0) == [(0.0, 3.0, 'unknown')]
    assert run(timeline(), [[0.6, 0.4], [0.54, 0.46], [0.54, 0.46]], 4.0) == [(0.0, 1.5, 'walk'), (1.5, 4.0, 'unknown')]


def test_windows_are_averaged_and_dated_to_their_mean():
    line = timeline(smooth=2, confirm=1)
    # Means: 0.9, 0.9, 0.5 (unknown, at 2.5), 0.1: the changes lie between 1.5, 2.5 and 3.5.
    assert run(line, [WALK, WALK, WAVE, WAVE], 5.0) == [(0.0, 2.0, 'walk'), (2.0, 3.0, 'unknown'), (3.0, 5.0, 'wave')]


def test_the_confidence_may_be_another_number():
    line = timeline(probability=False)
    assert line.add(1.0, WALK, 0.2) is None and line.label == -1
    line = timeline(probability=False)
    line.add(1.0, UNSURE, 0.9)
    assert line.label == 0


def test_who_was_never_labelled_has_no_interval():
    assert timeline().finish(3.0) is None


def test_an_event_as_json():
    event = Event(2, 0.12345, 1.0, 'walk', 0, 0.98765432, 3, (('walk', 0.98765432),))
    assert event.as_dict() == {
        'person': 2, 'start': 0.123, 'end': 1.0, 'label': 'walk', 'index': 0, 'score': 0.9877, 'partner': 3,
        'top': [['walk', 0.9877]],
    }  # fmt: skip
