"""Films of a few small frames are written and read back."""

import numpy as np
import pytest

from pyskl.inference.film_writer import FilmWriter, draw_film, even, intervals_of
from pyskl.inference.spool import PeopleSpool
from pyskl.inference.timeline import Event
from pyskl.skeletons import get_skeleton
from tests.inference.films import write_film

av = pytest.importorskip('av')
GREY = np.full((64, 96, 3), 90, np.uint8)


def read(path):
    """Times of the frames, their ``(height, width)`` and the duration of the sound in seconds."""
    with av.open(str(path)) as film:
        sound = film.streams.audio[0] if film.streams.audio else None
        seconds = float(sound.duration * sound.time_base) if sound is not None else 0.0
        frames = list(film.decode(video=0))
    return [float(frame.time) for frame in frames], (frames[0].height, frames[0].width), seconds


def test_frames_are_written_at_their_times(tmp_path):
    times = [0.0, 0.04, 0.5, 0.5, 1.25]  # the fourth is written one tick later
    writer = FilmWriter(tmp_path / 'a.mp4', (64, 96), 25.0)
    for time in times:
        writer.write(GREY, time)
    writer.close()
    assert read(tmp_path / 'a.mp4') == (pytest.approx(times, abs=1e-3), (64, 96), 0.0)


def test_sound_is_copied_from_the_source(tmp_path):
    source = write_film(tmp_path / 'source.mp4', [GREY] * 10, fps=10, sound=True, size=(64, 96))
    writer = FilmWriter(tmp_path / 'a.mp4', (64, 96), 10.0, source)
    for number in range(10):
        writer.write(GREY, number / 10)
    writer.close()
    assert read(tmp_path / 'a.mp4')[2] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ('size', 'most', 'expected'),
    [
        ((1080, 1920), 720, (720, 1280)),
        ((101, 98), 720, (100, 98)),
        ((1001, 333), 500, (500, 166)),
        ((1, 1), 720, (2, 2)),
    ],
)
def test_sides_are_even_and_the_height_is_limited(size, most, expected):
    assert even(size, most) == expected


def test_unknown_actions_give_intervals_with_known_false():
    events = [Event(1, 0.0, 1.0, 'walk', 0, 0.9), Event(1, 1.0, 2.0, 'unknown', -1, 0.3)]
    assert [(item.label, item.known) for item in intervals_of(events)] == [('walk', True), ('unknown', False)]


@pytest.fixture
def people(tmp_path):
    """A spool with one person in three frames."""
    spool = PeopleSpool(tmp_path, joints=17)
    joints = np.random.RandomState(0).uniform(10, 60, (1, 17, 2))
    for number in range(3):
        spool.add(number / 10, np.array([1]), joints, np.ones((1, 17)))
    return spool


def test_a_film_has_the_timeline_below_the_frames(tmp_path, people):
    events = [Event(1, 0.0, 0.3, 'walk', 0, 0.9)]
    path = tmp_path / 'film.mp4'
    assert draw_film(path, None, people, events, get_skeleton('coco'), (64, 96), 10.0, height=32) == 3
    times, (height, width), _ = read(path)
    assert len(times) == 3 and height > 32 and width == 48


def test_ctrl_c_leaves_a_playable_film(tmp_path, people):
    def interrupted(frames):
        yield next(iter(frames))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_film(
            tmp_path / 'film.mp4', None, people, [], get_skeleton('coco'), (64, 96), 10.0, progress=interrupted
        )  # fmt: skip
    assert len(read(tmp_path / 'film.mp4')[0]) == 1
