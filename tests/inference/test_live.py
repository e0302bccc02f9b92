import json
import threading

import numpy as np
import pytest

av = pytest.importorskip('av')

from pyskl.inference.frames import Frame  # noqa: E402
from pyskl.inference.live import label_live  # noqa: E402
from pyskl.inference.recognizer import ActionRecognizer  # noqa: E402
from pyskl.inference.sources import FilmSource  # noqa: E402
from tests.inference.films import HandsUp, pose_of, render, two_people, write_film  # noqa: E402


class Camera:
    """A source that adds a note when it is lost and another at its end."""

    live, fps, size, name = True, 10.0, (48, 64), 'camera'

    def __init__(self):
        self.notes, self.skipped = [], 0

    def __iter__(self):
        try:
            for number in range(40):
                if number == 20:
                    self.notes.append('lost')
                yield Frame(number / 10, np.zeros((48, 64, 3), np.uint8))
        finally:
            self.notes.append('end')


def test_notes_of_a_camera_are_reported_at_once_and_at_the_end():
    messages, scene = [], two_people(4.0)
    recognizer = ActionRecognizer.of(HandsUp(), pose_of(scene))
    for _ in label_live(recognizer, Camera(), seconds=3.0, report=messages.append):
        pass
    assert messages == ['lost', 'end']


def test_images_that_wait_for_a_slow_estimator_are_skipped():
    done, skipped = threading.Event(), []

    class Fast(Camera):
        def skip(self):
            skipped.append(1)

        def __iter__(self):
            yield from super().__iter__()
            done.set()

    class Slow:
        def people(self, image):
            done.wait()
            return np.zeros((0, 17, 2)), np.zeros((0, 17))

    times = [frame.time for frame, *_ in ActionRecognizer.people_of(Fast(), Slow())]
    assert len(times) <= 6 and len(times) + len(skipped) == 40 and times[-1] == 3.9


def test_a_stream_is_shown_and_recorded_while_it_runs(tmp_path):
    scene = two_people(2.0)
    source = FilmSource(write_film(tmp_path / 'a.mp4', render(scene)))
    shown = []

    def window(image):
        shown.append(image)
        return len(shown) < 50

    recognizer = ActionRecognizer.of(HandsUp(), pose_of(scene))
    events = list(label_live(recognizer, source, tmp_path / 'out', window=window))
    assert len(shown) == 50 and shown[0].shape[0] > 180 and not np.array_equal(shown[0], shown[-1])
    assert sorted({event.label for event in events}) == ['walk', 'wave']
    assert max(event.end for event in events) == pytest.approx(49 / 15, abs=0.01)
    assert json.loads((tmp_path / 'out' / 'events.json').read_text())['events']
    with av.open(str(tmp_path / 'out' / 'film.mp4')) as film:
        assert sum(1 for _ in film.decode(video=0)) == 50
