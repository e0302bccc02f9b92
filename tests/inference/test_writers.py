import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest

from pyskl.inference.timeline import Event
from pyskl.inference.writers import Recorder, finish, subtitles

NETWORK = SimpleNamespace(classes=['walk', 'wave'], skeleton=SimpleNamespace(num_joints=2, dims=2))
WALK = Event(1, 0.0, 2.0, 'walk', 0, 0.9)
WAVE = Event(2, 1.0, 3.0, 'wave', 1, 0.8, 1)
UNKNOWN = Event(1, 2.0, 4.0, 'unknown', -1, 0.4)


def test_subtitles_show_all_persons_of_a_time_and_no_unknown_action():
    assert subtitles([WAVE, UNKNOWN, WALK]).split('\n') == [
        '1', '00:00:00,000 --> 00:00:01,000', 'person 1: walk', '',
        '2', '00:00:01,000 --> 00:00:02,000', 'person 1: walk', 'person 2: wave', '',
        '3', '00:00:02,000 --> 00:00:03,000', 'person 2: wave', '',
    ]  # fmt: skip


def test_subtitle_times_have_hours_and_milliseconds():
    late = Event(1, 3661.0016, 7322.9996, 'walk', 0, 0.9)
    assert '01:01:01,002 --> 02:02:03,000' in subtitles([late])


def test_a_run_writes_events_as_csv_and_json_and_scores(tmp_path):
    with Recorder(tmp_path / 'out', NETWORK, {'fps': 25}) as recorder:
        recorder.add([WAVE, UNKNOWN])
        with (tmp_path / 'out/events.csv').open() as file:  # written during the run
            assert [row['label'] for row in csv.DictReader(file)] == ['wave', 'unknown']
        recorder.add([WALK])
        recorder.scores.add(0.5, 1, np.array([0.75, 0.25]))
    summary = json.loads((tmp_path / 'out/events.json').read_text())
    assert (summary['fps'], summary['classes']) == (25, ['walk', 'wave'])
    assert [event['label'] for event in summary['events']] == ['walk', 'wave', 'unknown']  # sorted by time
    with (tmp_path / 'out/events.csv').open(newline='') as file:
        assert next(csv.DictReader(file)) == {
            'person': '1', 'start': '0.0', 'end': '2.0', 'label': 'walk', 'score': '0.9', 'partner': '0',
        }  # fmt: skip
    with np.load(tmp_path / 'out/scores.npz') as scores:
        assert scores['scores'].tolist() == [[0.75, 0.25]] and scores['classes'].tolist() == ['walk', 'wave']


def test_an_error_in_the_block_still_writes_the_events(tmp_path):
    with pytest.raises(KeyboardInterrupt), Recorder(tmp_path, NETWORK, {}) as recorder:
        recorder.add([WALK])
        raise KeyboardInterrupt
    assert len(json.loads((tmp_path / 'events.json').read_text())['events']) == 1


def test_the_last_events_of_a_stream_are_returned_and_written(tmp_path):
    stream = SimpleNamespace(finish=lambda: [WALK])
    with Recorder(tmp_path, NETWORK, {}) as recorder:
        assert finish(stream, recorder) == finish(stream, None) == ([WALK], None)
        assert len(json.loads((tmp_path / 'events.json').read_text())['events']) == 1


def test_the_last_events_are_returned_even_if_they_cannot_be_written(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path, NETWORK, {})
    monkeypatch.setattr(recorder, 'write', lambda: (tmp_path / 'nowhere/events.json').write_text(''))
    rest, unwritten = finish(SimpleNamespace(finish=lambda: [WALK]), recorder)
    assert rest == [WALK] and isinstance(unwritten, OSError)


def test_results_of_before_are_replaced_only_if_asked(tmp_path):
    (tmp_path / 'events.json').write_text('mine')
    with pytest.raises(FileExistsError, match='events.json exists already; pass --overwrite'):
        Recorder(tmp_path, NETWORK, {})
    assert (tmp_path / 'events.json').read_text() == 'mine'
    (tmp_path / 'notes.txt').write_text('mine')
    with Recorder(tmp_path, NETWORK, {}, overwrite=True):
        pass
    assert (tmp_path / 'notes.txt').read_text() == 'mine'
    assert json.loads((tmp_path / 'events.json').read_text())['events'] == []


def test_an_output_that_is_a_file_raises(tmp_path):
    (tmp_path / 'out').write_text('')
    with pytest.raises(FileExistsError, match='out is a file; it must be a folder'):
        Recorder(tmp_path / 'out', NETWORK, {})
