import contextlib
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

av = pytest.importorskip('av')

from pyskl.inference.sources import FilmSource, ImagesSource, open_source  # noqa: E402
from pyskl.visualization.video import write_image  # noqa: E402
from tests.inference.films import SIZE, write_film  # noqa: E402


def grey(count, size=SIZE):
    return [np.full((*size, 3), 20 + number, np.uint8) for number in range(count)]


def test_frames_of_a_film_have_their_times(tmp_path):
    film = FilmSource(write_film(tmp_path / 'a.mp4', grey(12), fps=12))
    frames = list(film)
    assert (film.size, film.fps, len(film)) == (SIZE, 12, 12)
    assert [frame.time for frame in frames] == pytest.approx([t / 12 for t in range(12)], abs=1e-3)
    assert frames[3].image.shape == (*SIZE, 3) and frames[3].image.mean() == pytest.approx(23, abs=3)
    assert film.notes == []


def test_a_variable_frame_rate_keeps_its_times(tmp_path):
    film = FilmSource(write_film(tmp_path / 'a.mkv', grey(4), fps=10, times=[0, 1, 5, 6]))
    assert [round(frame.time, 3) for frame in film] == [0, 0.1, 0.5, 0.6]


def test_frames_of_an_avi_with_reordered_frames_have_their_times(tmp_path):
    film = FilmSource(write_film(tmp_path / 'a.avi', grey(12), fps=12, bf='2'))
    assert [frame.time for frame in film] == pytest.approx([t / 12 for t in range(12)])


def test_a_truncated_film_is_read_to_its_end_and_reported(tmp_path):
    path = write_film(tmp_path / 'a.mkv', np.random.RandomState(0).randint(0, 255, (40, *SIZE, 3), np.uint8))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    film = FilmSource(path)
    assert 3 < len(list(film)) < 40
    assert len(film.notes) == 1 and ('is truncated' in film.notes[0] or 'is damaged after' in film.notes[0])


def test_reading_continues_after_damaged_frames(tmp_path):
    noise = np.random.RandomState(0).randint(0, 255, (40, *SIZE, 3), np.uint8)
    path = write_film(tmp_path / 'a.mkv', noise, g='5')
    whole, hole = path.read_bytes(), 90_000  # three frames
    path.write_bytes(whole[: len(whole) // 2] + bytes(hole) + whole[len(whole) // 2 + hole :])
    film = FilmSource(path)
    times = [frame.time for frame in film]
    assert 30 <= len(times) < 40 and times[-1] == pytest.approx(39 / 15, abs=0.01)
    assert film.notes == [f'{path} is damaged at 1.67 s; frames that cannot be decoded are gaps in time']
    path.write_bytes(whole[:2000] + bytes(len(whole) - 2000))
    with pytest.raises(ValueError, match='a.mkv has no frames that can be decoded'):
        FilmSource(path)


ONE = 1 << 16  # 1 in the 16.16 fixed-point numbers of a track header


@pytest.mark.parametrize(
    ('matrix', 'corner'),
    [
        (
            (0, ONE, 0, -ONE, 0, 0, SIZE[0] << 16, 0, 1 << 30),
            (0, 1),
        ),  # a quarter turn clockwise, as phones held upright
        ((-ONE, 0, 0, 0, -ONE, 0, SIZE[1] << 16, SIZE[0] << 16, 1 << 30), (1, 1)),
        ((0, -ONE, 0, ONE, 0, 0, 0, SIZE[1] << 16, 1 << 30), (1, 0)),
    ],
)
def test_a_rotation_flag_rotates_frames_as_players_do(tmp_path, matrix, corner):
    """The upper left corner is bright; the matrix of ISO 14496-12 defines where players show it."""
    image = np.full((*SIZE, 3), 40, np.uint8)
    image[: SIZE[0] // 3, : SIZE[1] // 3] = 230
    path = write_film(tmp_path / 'a.mp4', [image] * 3)
    data = bytearray(path.read_bytes())
    at = (
        data.index(b'tkhd') + 44
    )  # the matrix comes after name, version, times, track number, duration and 16 more bytes
    assert struct.unpack('>9i', data[at : at + 36]) == (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
    data[at : at + 36] = struct.pack('>9i', *matrix)
    path.write_bytes(data)
    film = FilmSource(path)
    assert film.size == (SIZE if corner == (1, 1) else SIZE[::-1])
    (first, *_) = film
    assert first.image.shape == (*film.size, 3)
    half = first.image.mean(-1)[:: film.size[0] - 1, :: film.size[1] - 1]  # the four corners
    assert np.argwhere(half > 150).tolist() == [list(corner)]
    assert film.notes == [f'{path} has a rotation flag; its frames are rotated upright']


def test_frames_of_another_size_are_scaled_and_reported(tmp_path):
    first = write_film(tmp_path / 'a.ts', grey(20))
    second = write_film(tmp_path / 'b.ts', [np.full((200, 100, 3), 200, np.uint8)] * 20, size=(200, 100))
    (tmp_path / 'c.ts').write_bytes(first.read_bytes() + second.read_bytes())
    film = FilmSource(tmp_path / 'c.ts')
    frames = list(film)
    assert {frame.image.shape for frame in frames} == {(*SIZE, 3)}
    # Timestamps restart in the second part, but the times continue.
    assert [frame.time for frame in frames] == pytest.approx(np.arange(len(frames)) / 15, abs=0.01) and len(frames) > 35
    last = frames[-1].image[SIZE[0] // 2].mean(-1)
    assert np.flatnonzero(last > 100).tolist() == list(range(115, 205))  # 90 columns in the middle, black on both sides
    assert film.notes == [
        f'{tmp_path / "c.ts"}: the image size changes to (200, 100) (height, width) at 1.33 s; the images are '
        'scaled to fit (180, 320)'
    ]


def test_a_truncated_mp4_is_read_only_if_its_index_comes_first(tmp_path):
    noise = np.random.RandomState(0).randint(0, 255, (40, 90, 160, 3), np.uint8)
    path = write_film(tmp_path / 'a.mp4', noise, size=(90, 160))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])  # the index is at the end
    with pytest.raises(ValueError, match='a.mp4 is not a film, or cannot be decoded'):
        FilmSource(path)
    path.write_bytes(fast_start(noise, tmp_path))
    film = FilmSource(path)
    assert 3 < len(list(film)) < 40 and len(film.notes) == 1
    assert 'is damaged' in film.notes[0] or 'is truncated' in film.notes[0]


def fast_start(frames, folder):
    """The first half of an mp4 whose index is at the beginning."""
    with av.open(str(folder / 'fast.mp4'), 'w', options={'movflags': 'faststart'}) as out:
        stream = out.add_stream('libx264', rate=15)
        stream.height, stream.width, stream.pix_fmt = 90, 160, 'yuv420p'
        for image in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        out.mux(stream.encode())
    whole = (folder / 'fast.mp4').read_bytes()
    return whole[: len(whole) // 2]


@pytest.mark.parametrize('ending', ['mp4', 'mkv', 'avi', 'ts'])
def test_a_film_without_frames_raises_one_line(tmp_path, ending):
    path = tmp_path / f'a.{ending}'
    with av.open(str(path), 'w') as out:
        stream = out.add_stream('libx264', rate=15)
        stream.height, stream.width, stream.pix_fmt = *SIZE, 'yuv420p'
        out.start_encoding()
    with pytest.raises(ValueError, match=r'a\.\w+ (has no|is not a film, or cannot be decoded)') as error:
        FilmSource(path)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('content', 'message'),
    [(b'', 'not a film, or cannot be decoded'), (b'text\n' * 99, 'not a film, or cannot be decoded')],
)
def test_a_file_that_is_not_a_film_raises(tmp_path, content, message):
    path = tmp_path / 'a.mp4'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        FilmSource(path)


def test_a_missing_film_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist'):
        open_source(tmp_path / 'nowhere.mp4')


def test_a_folder_of_images_is_read_as_a_film(tmp_path):
    for number, image in enumerate(grey(3)):
        write_image(tmp_path / f'{number}.png', image)
    source = open_source(tmp_path, fps=2.0)
    assert [frame.time for frame in source] == [0, 0.5, 1] and source.notes == []


def test_images_of_another_size_are_scaled_and_unreadable_ones_are_gaps(tmp_path):
    for name, image in zip('0259', [*grey(2), np.full((8, 8, 3), 200, np.uint8), *grey(1)], strict=True):
        write_image(tmp_path / f'{name}.png', image)
    for name in '348':
        (tmp_path / f'{name}.png').write_text('not an image')
    source = ImagesSource(tmp_path, fps=2.0)
    frames = list(source)
    assert [frame.time for frame in frames] == [0, 0.5, 2, 3] and {f.image.shape for f in frames} == {(*SIZE, 3)}
    assert source.notes == [
        f'cannot read {tmp_path}/3.png as an image; it is a gap in time',
        f'{tmp_path}/5.png: the image size changes to (8, 8) (height, width) at 2.00 s; the images are scaled to fit '
        '(180, 320)',
        f'{tmp_path}/9.png: the image size changes to (180, 320) (height, width) at 3.00 s',
        f'3 of the 7 images in {tmp_path} cannot be read',
    ]
    (tmp_path / '0.png').write_text('not an image')
    with pytest.raises(ValueError, match='cannot read .*0.png as an image'):
        ImagesSource(tmp_path)


@pytest.fixture
def web(tmp_path):
    """A web server with a film and a camera that disconnects every 8 images and returns 404 after 4 connections."""
    film = write_film(tmp_path / 'web.mp4', grey(12), fps=12).read_bytes()
    connections = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def do_GET(self):
            connections.append(self.path)
            if self.path == '/film.mp4':
                self.send_response(200)
                self.send_header('Content-Length', str(len(film)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(film)
                return
            if len(connections) > 4:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header('Content-Type', 'multipart/x-mixed-replace; boundary=image')
            self.end_headers()
            _, jpeg = cv2.imencode('.jpg', np.full((*SIZE, 3), 40 * len(connections), np.uint8))
            with contextlib.suppress(OSError):
                for _ in range(8):
                    head = f'--image\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n'
                    self.wfile.write(head.encode() + jpeg.tobytes() + b'\r\n')
                    time.sleep(0.02)

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_a_network_camera_is_reopened(web):
    source = open_source(f'{web}/camera')  # the first connection probes for a film
    source.patience = 0.5
    assert source.live and source.size == SIZE
    frames = list(source)
    times = np.array([frame.time for frame in frames])
    shades = [round(frame.image.mean() / 40) for frame in frames]
    assert sorted(set(shades)) in ([2, 3, 4], [3, 4]) and shades == sorted(shades)
    assert np.diff(times).max() > 0.2 and (np.diff(times) > 0).all()
    assert 'was lost for' in source.notes[0]
    assert source.notes[-1].startswith(f'camera {web}/camera was lost at')
    with pytest.raises(ValueError, match=r'cannot open camera http://.*/camera; check that the address is right'):
        open_source(f'{web}/camera')


def test_a_film_over_http_has_its_own_times(web):
    film = open_source(f'{web}/film.mp4'.replace('//', '//user:secret@'))
    assert (
        film.name == f'{web}/film.mp4'
        and not film.live
        and [frame.time for frame in film] == pytest.approx(np.arange(12) / 12, abs=1e-3)
    )
