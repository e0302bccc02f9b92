import numpy as np
import pytest

from pyskl.inference.network import Calibration
from pyskl.inference.stream import ActionStream, StreamSettings
from tests.inference.networks import Stand, both, person


def events_of(frames, network=None, fps=30.0, **settings):
    """Events of ``(time, people)`` frames."""
    stream = ActionStream(network or Stand(), fps, settings=StreamSettings(**settings))
    events = []
    for time, people in frames:
        events += stream.update(people, time)
    return events + stream.finish()


def walk(seconds=8.0, change=4.0, fps=30.0):
    """A person left of the middle until ``change``, then right of it, close enough to keep the track."""
    return [(t / fps, person(497.0 if t / fps < change else 503.0)) for t in range(round(seconds * fps))]


def test_an_interval_ends_with_its_action():
    left, right = events_of(walk())
    assert (left.label, right.label, left.person, right.person) == ('left', 'right', 1, 1)
    assert left.start == 0 and right.end == pytest.approx(8 - 1 / 30)
    assert left.end == right.start == pytest.approx(4, abs=0.3)
    assert left.score > 0.9 and left.top[0][0] == 'left'


def test_the_result_does_not_depend_on_the_frame_rate_of_the_stream():
    for fps in (2.0, 10.0, 25.0, 60.0):
        left, right = events_of(walk(fps=fps))
        assert (left.label, right.label) == ('left', 'right')
        assert left.end == pytest.approx(4, abs=0.5)


def test_dropped_frames_do_not_shift_times():
    whole = events_of(walk())
    dropped = [frame for number, frame in enumerate(walk()) if number not in range(40, 50)]
    assert [(e.label, e.start, e.end) for e in events_of(dropped)] == [(e.label, e.start, e.end) for e in whole]
    # Without times, a frame that was dropped is given as None.
    stream, events = ActionStream(Stand()), []
    for number, (_, people) in enumerate(walk()):
        events += stream.update(None if number in range(40, 50) else people)
    events += stream.finish()
    assert [e.end for e in events] == pytest.approx([e.end for e in whole])


def test_each_person_has_intervals_of_their_own():
    frames = []
    for t in range(240):
        first = person(497.0 if t < 90 else 503.0, 100)
        second = person(503.0 if t < 150 else 497.0, 600)
        frames.append((t / 30, both(first, second)))
    intervals = {(e.person, e.label): (e.start, e.end) for e in events_of(frames)}
    assert intervals[1, 'left'][1] == pytest.approx(3, abs=0.3)
    assert intervals[2, 'right'][1] == pytest.approx(5, abs=0.3)
    assert set(intervals) == {(1, 'left'), (1, 'right'), (2, 'right'), (2, 'left')}


def test_persons_of_one_time_form_one_batch():
    network = Stand()
    events_of([(t / 30, both(person(100, 0), person(400, 300), person(700, 600))) for t in range(60)], network)
    assert {len(batch) for batch in network.batches} == {3}
    assert network.batches[-1][0] == (1, 30)  # a second at 30 frames per second


def test_a_two_person_network_gets_pairs_that_are_near():
    network = Stand(num_person=2)
    people = both(person(100, 0), person(180, 0), person(900, 0))
    events = events_of([(t / 30, people) for t in range(60)], network)
    assert network.batches[-1] == [(2, 30), (1, 30)]
    assert {e.person: e.partner for e in events} == {1: 2, 2: 1, 3: 0}
    network = Stand(num_person=2)
    events_of([(t / 30, people) for t in range(60)], network, nearness=0)
    assert network.batches[-1] == [(1, 30)] * 3


def test_a_window_below_the_threshold_is_unknown():
    frames = [(t / 30, person(497.0 if t % 2 else 503.0)) for t in range(90)]
    (event,) = events_of(frames, threshold=0.8)
    assert (event.label, event.index) == ('unknown', -1)
    assert event.score == pytest.approx(0.5, abs=0.1)


def test_the_calibration_gives_the_threshold():
    frames = [(t / 30, person(497.0 if t % 4 else 503.0)) for t in range(90)]  # left in three of four frames
    assert events_of(frames, Stand(calibration=Calibration(threshold=0.7)))[0].label == 'left'
    assert events_of(frames, Stand(calibration=Calibration(threshold=0.85)))[0].label == 'unknown'


def test_a_label_shorter_than_confirm_gives_no_event():
    frames = [(t / 30, person(503.0 if 100 <= t < 104 else 497.0)) for t in range(240)]
    assert [e.label for e in events_of(frames)] == ['left']


def test_a_person_who_returns_after_max_age_gets_a_new_number():
    frames = [(t / 30, person(100.0)) for t in range(60)] + [(4 + t / 30, person(100.0)) for t in range(60)]
    first, second = events_of(frames)
    assert (first.person, first.start, second.person, second.start) == (1, 0, 2, 4)
    assert first.end == pytest.approx(59 / 30) and second.end == pytest.approx(4 + 59 / 30)


def test_a_person_shorter_than_a_window_is_labelled_once():
    (event,) = events_of([(t / 30, person(100.0)) for t in range(6)])
    assert event.label == 'left' and event.end == pytest.approx(5 / 30)
    assert events_of([(t / 30, person(100.0)) for t in range(4)]) == []


def test_given_identities_are_used():
    stream = ActionStream(Stand())
    for t in range(60):
        x = (497.0, 900.0) if t % 2 else (900.0, 497.0)  # positions swap in each frame
        stream.update(both(person(x[0]), person(x[1])), ids=(7, 4) if t % 2 else (4, 7))
    assert {e.person: e.label for e in stream.finish()} == {8: 'left', 5: 'right'}


def test_current_returns_the_labels_during_the_stream():
    stream = ActionStream(Stand())
    assert stream.current() == {}
    for _ in range(60):
        stream.update(person(900.0))
    assert stream.current() == {1: ('right', 1.0)}
    assert stream.persons.tolist() == [1]


@pytest.mark.parametrize(
    ('people', 'message'),
    [
        (person(1.0, joints=25), r'needs 17 joints \(coco\) with 2 coordinates, got joints \(1, 25, 2\)'),
        ((person(1.0)[0] * np.nan, person(1.0)[1]), 'must be finite'),
        (np.zeros((1, 17, 2)), 'x, y, score'),
    ],
)
def test_invalid_people_raise(people, message):
    with pytest.raises(ValueError, match=message):
        ActionStream(Stand()).update(people)


def test_decreasing_times_raise():
    stream = ActionStream(Stand())
    stream.update(person(1.0), time=2.0)
    with pytest.raises(ValueError, match='time must increase from frame to frame, got 1.5 s after 2 s'):
        stream.update(person(1.0), time=1.5)


def test_buffers_exist_for_present_people_only():
    stream = ActionStream(Stand(), settings=StreamSettings(hop=1.0))
    for t in range(3000):  # a new person every two seconds
        stream.update(person(100.0) if t % 60 < 20 else (np.zeros((0, 17, 2)), np.zeros((0, 17))))
    assert len(stream._buffers) <= 1 and len(stream._tracker.number) <= 1
    assert stream._tracker.count == 50


def test_a_gap_of_years_is_skipped_at_once():
    stream = ActionStream(Stand())
    stream.update(person(1.0), time=0.0)
    stream.update(person(1.0), time=1e9)
    assert stream.time == 1e9


def test_settings_out_of_range_raise():
    with pytest.raises(ValueError, match='hop must be 0.01 to 60, got 0'):
        StreamSettings(hop=0)
