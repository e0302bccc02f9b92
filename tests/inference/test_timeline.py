"""Intervals from scores, by hand."""

import numpy as np
import pytest

from pyskl.inference.timeline import Event, Timeline

WALK, WAVE, UNSURE = np.array([0.9, 0.1]), np.array([0.1, 0.9]), np.array([0.5, 0.5])


def timeline(**options):
    return Timeline(1, 0.0, ['walk', 'wave'], **{'threshold': 0.6, 'keep': 0.55, 'smooth': 1, **options})


def run(line, windows, end):
    """Events of windows one second apart, from second 1, as (start, end, label)."""
    events = [event for number, row in enumerate(windows, 1) for event in line.add(float(number), row, 0.0)]
    return [(e.start, e.end, e.label) for e in [*events, *line.finish(end)]]


def test_one_label_is_one_interval_with_the_mean_of_its_scores():
    line = timeline()
    assert run(line, [WALK, [0.7, 0.3], WALK], 4.0) == [(0.0, 4.0, 'walk')]
    line = timeline()
    line.add(1.0, np.array([0.9, 0.1]), 0)
    line.add(2.0, np.array([0.7, 0.3]), 0)
    (event,) = line.finish(3.0)
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
    assert line.add(1.0, WALK, 0.2) == [] and line.label == -1
    line = timeline(probability=False)
    line.add(1.0, UNSURE, 0.9)
    assert line.label == 0


def test_who_was_never_labelled_has_no_interval():
    assert timeline().finish(3.0) == []


def test_an_event_as_json():
    event = Event(2, 0.12345, 1.0, 'walk', 0, 0.98765432, 3, (('walk', 0.98765432),))
    assert event.as_dict() == {
        'person': 2, 'start': 0.123, 'end': 1.0, 'label': 'walk', 'index': 0, 'score': 0.9877, 'partner': 3,
        'top': [['walk', 0.9877]],
    }  # fmt: skip


CLASSES = ['up', 'lower', 'down']


def intervals(labels, shortest, confirm=1):
    """(label, start, end) of windows a second apart, one letter each: u, l, d, or ? for an unsure one."""
    timeline = Timeline(1, 0.0, CLASSES, 0.5, 0.4, smooth=1, confirm=confirm, shortest=shortest)
    events, known = [], []
    for time, letter in enumerate(labels):
        row = np.full(3, 1 / 3) if letter == '?' else np.eye(3)['uld'.index(letter)]
        events += timeline.add(float(time), row, row.max())
        known.append(len(events))
    events += timeline.finish(float(len(labels) - 1))
    return [(event.label, event.start, event.end) for event in events], known


def test_a_label_that_only_windows_at_a_change_have_is_left_out():
    found, known = intervals('uuuuuullllddddddddd', shortest=5.0)
    assert found == [('up', 0, 7.5), ('down', 7.5, 18)]  # 'lower' is from 5.5 to 9.5
    # 'up' is final once 'down' has lasted for more than 5 seconds: at 13 s.
    assert known.index(1) == 13


@pytest.mark.parametrize(
    ('labels', 'shortest', 'expected'),
    [
        ('uuuuuullllddddddd', 0.0, ['up', 'lower', 'down']),
        ('uuuuuullllddddddd', 3.9, ['up', 'lower', 'down']),
        ('uuuuuulllluuuuuuu', 5.0, ['up', 'lower', 'up']),  # nothing to take it for but a short action
        ('??????llllddddddd', 5.0, ['unknown', 'lower', 'down']),
        ('uuuuuullll???????', 5.0, ['up', 'lower', 'unknown']),
        ('uuuuuu????ddddddd', 5.0, ['up', 'down']),
        ('uuuuuullll', 5.0, ['up', 'lower']),  # at an end it is not between two
        ('llllddddddd', 5.0, ['lower', 'down']),
        ('uuuuuullllddduuuuuuuu', 5.0, ['up', 'down', 'up']),
        ('uuuuuuuu', 5.0, ['up']),
        ('', 5.0, []),
    ],
)
def test_what_stays(labels, shortest, expected):
    found, _ = intervals(labels, shortest)
    assert [label for label, *_ in found] == expected
    assert all(end == start for (*_, end), (_, start, _) in zip(found, found[1:], strict=False))


def test_the_score_of_an_interval_is_that_of_its_own_windows():
    timeline = Timeline(1, 0.0, CLASSES, 0.5, 0.4, smooth=1, confirm=1, shortest=5.0)
    events = []
    for time, (index, score) in enumerate([(0, 0.9)] * 6 + [(1, 0.6)] * 3 + [(2, 0.8)] * 9):
        row = np.full(3, (1 - score) / 2)
        row[index] = score
        events += timeline.add(float(time), row, score)
    events += timeline.finish(17.0)
    assert [(event.label, event.score) for event in events] == [
        ('up', pytest.approx(0.9)), ('down', pytest.approx(0.8)),
    ]  # fmt: skip
