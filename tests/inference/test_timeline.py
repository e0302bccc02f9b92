"""Intervals from scores, checked by hand."""

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


def test_a_change_is_dated_midway_between_the_two_windows():
    assert run(timeline(), [WALK, WALK, WAVE, WAVE], 5.0) == [(0.0, 2.5, 'walk'), (2.5, 5.0, 'wave')]


def test_a_single_differing_window_is_merged_unless_confirm_is_1():
    line = timeline()
    assert run(line, [WALK, WAVE, WALK], 4.0) == [(0.0, 4.0, 'walk')]
    line = timeline(confirm=1)
    assert [label for *_, label in run(line, [WALK, WAVE, WALK], 4.0)] == ['walk', 'wave', 'walk']


def test_a_short_third_label_is_split_between_its_neighbours():
    # Changes to unknown at 2.5 and to wave at 3.5: walk ends midway between them.
    assert run(timeline(), [WALK, WALK, UNSURE, WAVE], 5.0) == [(0.0, 3.0, 'walk'), (3.0, 5.0, 'wave')]


def test_a_label_starts_at_threshold_and_ends_below_keep():
    lasting = [[0.6, 0.4], [0.55, 0.45], [0.55, 0.45]]
    assert run(timeline(), lasting, 4.0) == [(0.0, 4.0, 'walk')]
    assert run(timeline(), lasting[1:], 3.0) == [(0.0, 3.0, 'unknown')]
    assert run(timeline(), [[0.6, 0.4], [0.54, 0.46], [0.54, 0.46]], 4.0) == [(0.0, 1.5, 'walk'), (1.5, 4.0, 'unknown')]


def test_smoothed_windows_have_mean_scores_and_mean_times():
    line = timeline(smooth=2, confirm=1)
    # Means: 0.9, 0.9, 0.5 (unknown, at 2.5), 0.1: the changes are midway between 1.5, 2.5 and 3.5.
    assert run(line, [WALK, WALK, WAVE, WAVE], 5.0) == [(0.0, 2.0, 'walk'), (2.0, 3.0, 'unknown'), (3.0, 5.0, 'wave')]


def test_confidence_decides_if_probability_is_false():
    line = timeline(probability=False)
    assert line.add(1.0, WALK, 0.2) == [] and line.label == -1
    line = timeline(probability=False)
    line.add(1.0, UNSURE, 0.9)
    assert line.label == 0


def test_a_timeline_without_windows_has_no_interval():
    assert timeline().finish(3.0) == []


def test_as_dict_rounds_an_event_for_json():
    event = Event(2, 0.12345, 1.0, 'walk', 0, 0.98765432, 3, (('walk', 0.98765432),))
    assert event.as_dict() == {
        'person': 2, 'start': 0.123, 'end': 1.0, 'label': 'walk', 'index': 0, 'score': 0.9877, 'partner': 3,
        'top': [['walk', 0.9877]],
    }  # fmt: skip


CLASSES = ['up', 'lower', 'down']


def intervals(labels, shortest, confirm=1):
    """(label, start, end) of windows one second apart, one letter each: u, l, d, or ? for an uncertain one."""
    timeline = Timeline(1, 0.0, CLASSES, 0.5, 0.4, smooth=1, confirm=confirm, shortest=shortest)
    events, final_counts = [], []
    for time, letter in enumerate(labels):
        row = np.full(3, 1 / 3) if letter == '?' else np.eye(3)['uld'.index(letter)]
        events += timeline.add(float(time), row, row.max())
        final_counts.append(len(events))
    events += timeline.finish(float(len(labels) - 1))
    return [(event.label, event.start, event.end) for event in events], final_counts


def test_a_label_in_windows_across_a_change_only_is_left_out():
    events, final_counts = intervals('uuuuuullllddddddddd', shortest=5.0)
    assert events == [('up', 0, 7.5), ('down', 7.5, 18)]  # 'lower' is from 5.5 to 9.5
    # 'up' is final once 'down' has lasted for more than 5 seconds: at 13 s.
    assert final_counts.index(1) == 13


@pytest.mark.parametrize(
    ('labels', 'shortest', 'expected'),
    [
        ('uuuuuullllddddddd', 0.0, ['up', 'lower', 'down']),
        ('uuuuuullllddddddd', 3.9, ['up', 'lower', 'down']),
        ('uuuuuulllluuuuuuu', 5.0, ['up', 'lower', 'up']),  # same label on both sides: a short action
        ('uuuuuulluuuuuuuuu', 5.0, ['up']),  # at most half of it
        ('uulluuuuuuddddddd', 5.0, ['up', 'down']),
        ('uuuulluulluuuuuuu', 5.0, ['up']),
        ('uuuuuu??uuuuuuuuu', 5.0, ['up', 'unknown', 'up']),
        ('??????ll?????????', 5.0, ['unknown', 'lower', 'unknown']),
        ('??????llllddddddd', 5.0, ['unknown', 'lower', 'down']),
        ('uuuuuullll???????', 5.0, ['up', 'lower', 'unknown']),
        ('uuuuuu????ddddddd', 5.0, ['up', 'down']),
        ('uuuuuullll', 5.0, ['up', 'lower']),  # not between two labels
        ('llllddddddd', 5.0, ['lower', 'down']),
        ('uuuuuullllddduuuuuuuu', 5.0, ['up', 'down', 'up']),
        ('uuuuuuuu', 5.0, ['up']),
        ('', 5.0, []),
    ],
)
def test_labels_shorter_than_shortest_are_left_out_between_two_others_only(labels, shortest, expected):
    events, _ = intervals(labels, shortest)
    assert [label for label, *_ in events] == expected
    assert all(end == start for (*_, end), (_, start, _) in zip(events, events[1:], strict=False))


def test_the_score_of_an_interval_is_the_mean_of_its_own_windows():
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


def test_a_merged_interval_starts_at_its_first_part_and_has_the_mean_of_both():
    timeline = Timeline(1, 0.0, CLASSES, 0.5, 0.4, smooth=1, confirm=1, shortest=5.0)
    for time, (index, score) in enumerate([(0, 0.9)] * 4 + [(1, 0.6)] * 2 + [(0, 0.6)] * 8):
        row = np.full(3, (1 - score) / 2)
        row[index] = score
        assert timeline.add(float(time), row, score) == []
    (event,) = timeline.finish(13.0)
    assert (event.label, event.start, event.end) == ('up', 0.0, 13.0)
    assert event.score == pytest.approx((4 * 0.9 + 8 * 0.6) / 12)
