import numpy as np
import pytest

av = pytest.importorskip('av')

from pyskl.inference.sources import CameraSource, FilmSource, ImagesSource, open_source, prefetch  # noqa: E402
from pyskl.visualization.video import write_image  # noqa: E402
from tests.inference.films import SIZE, write_film  # noqa: E402


def grey(count, size=SIZE):
    return [np.full((*size, 3), 20 + number, np.uint8) for number in range(count)]


def test_a_film_has_its_frames_and_times(tmp_path):
    film = FilmSource(write_film(tmp_path / 'a.mp4', grey(12), fps=12))
    frames = list(film)
    assert (film.size, film.fps, len(film)) == (SIZE, 12, 12)
    assert [frame.time for frame in frames] == pytest.approx([t / 12 for t in range(12)], abs=1e-3)
    assert frames[3].image.shape == (*SIZE, 3) and frames[3].image.mean() == pytest.approx(23, abs=3)
    assert film.notes == []


def test_a_variable_frame_rate_keeps_its_times(tmp_path):
    film = FilmSource(write_film(tmp_path / 'a.mkv', grey(4), fps=10, times=[0, 1, 5, 6]))
    assert [round(frame.time, 3) for frame in film] == [0, 0.1, 0.5, 0.6]


def test_an_avi_with_reordered_frames_is_counted(tmp_path):
    film = FilmSource(write_film(tmp_path / 'a.avi', grey(12), fps=12, bf='2'))
    assert [frame.time for frame in film] == pytest.approx([t / 12 for t in range(12)])


def test_a_film_cut_short_is_read_to_its_end_and_noted(tmp_path):
    path = write_film(tmp_path / 'a.mkv', np.random.RandomState(0).randint(0, 255, (40, *SIZE, 3), np.uint8))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    film = FilmSource(path)
    assert 3 < len(list(film)) < 40
    assert len(film.notes) == 1 and ('cut short' in film.notes[0] or 'breaks off' in film.notes[0])


@pytest.mark.parametrize(
    ('content', 'message'),
    [(b'', 'not a film that can be decoded'), (b'text\n' * 99, 'not a film that can be decoded')],
)
def test_what_is_no_film_is_one_line(tmp_path, content, message):
    path = tmp_path / 'a.mp4'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        FilmSource(path)


def test_a_film_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match='no film'):
        open_source(tmp_path / 'nowhere.mp4')


def test_a_folder_of_images_is_a_film(tmp_path):
    for number, image in enumerate(grey(3)):
        write_image(tmp_path / f'{number}.png', image)
    source = open_source(tmp_path, fps=2.0)
    assert [frame.time for frame in source] == [0, 0.5, 1]
    write_image(tmp_path / '9.png', np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r'9.png is \(8, 8\) \(height, width\), the first image \(180, 320\)'):
        list(ImagesSource(tmp_path))


class Camera:
    """Gives ``frames`` images, then drops out."""

    def __init__(self, frames, opens=True):
        self.frames, self.opens, self.released = frames, opens, False

    def isOpened(self):
        return self.opens

    def get(self, what):
        return 25.0

    def read(self):
        self.frames -= 1
        return (True, np.zeros((48, 64, 3), np.uint8)) if self.frames >= 0 else (False, None)

    def release(self):
        self.released = True


def camera(*devices, patience=10.0):
    """A source over these devices, one after another, on a clock that sleeping and reading move."""
    clock, waiting = [0.0], iter(devices)

    def now():
        clock[0] += 0.04
        return clock[0]

    def sleep(seconds):
        clock[0] += seconds

    return CameraSource(0, patience, lambda address: next(waiting, Camera(0, False)), now, sleep)


def test_a_camera_that_drops_out_is_opened_again_and_the_gap_is_in_the_times():
    source = camera(Camera(4), Camera(0, False), Camera(3))
    times = [frame.time for frame in source]
    assert len(times) == 3 + 3 and np.diff(times).max() > 0.5 and (np.diff(times) > 0).all()
    assert 'dropped out' in source.notes[0] and 'did not come back' in source.notes[1]


def test_a_camera_that_is_not_there():
    with pytest.raises(ValueError, match='camera 0 cannot be opened'):
        camera(Camera(0, False))
    with pytest.raises(ValueError, match='camera 0 gives no image'):
        camera(Camera(0))


def test_prefetch_keeps_order_and_passes_errors_on():
    assert list(prefetch(range(50), 3)) == list(range(50))

    def broken():
        yield 1
        raise ValueError('broken')

    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(ValueError, match='broken'):
        next(items)


def test_prefetch_lets_go_when_it_is_closed():
    closed = []

    def endless():
        try:
            while True:
                yield 0
        finally:
            closed.append(True)

    items = prefetch(endless(), 2)
    next(items)
    items.close()
    assert closed == [True]
