import threading
import time

import numpy as np
import pytest

from pyskl.inference.cameras import CameraSource, without_password
from pyskl.inference.sources import open_source
from tests.inference.rtsp import FPS, SIZE, RtspCamera, number_of


class Camera:
    """Return ``frames`` images, then fail."""

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


class Timed(Camera):
    """A camera with timestamps: ``times``, one per image."""

    def __init__(self, *times):
        super().__init__(len(times))
        self.times = iter(times)

    def read(self):
        self.time = next(self.times, None)
        return super().read()


def camera(*devices, patience=10.0, then=lambda: Camera(0, False)):
    """A source that opens these devices in turn, with a clock that advances by sleeping and reading."""
    clock, remaining = [0.0], iter(devices)

    def now():
        clock[0] += 0.04
        return clock[0]

    def sleep(seconds):
        clock[0] += seconds

    return CameraSource(0, patience, lambda address: next(remaining, None) or then(), now, sleep)


def test_a_lost_camera_is_reopened_and_times_include_the_gap():
    source = camera(Camera(4), Camera(0, False), Camera(3))
    times = [frame.time for frame in source]
    assert len(times) == 3 + 3 and np.diff(times).max() > 0.5 and (np.diff(times) > 0).all()
    assert 'was lost for' in source.notes[0] and 'could not be reopened' in source.notes[1]


def test_a_reopened_camera_without_images_counts_as_lost():
    source = camera(Camera(4), then=lambda: Camera(0))
    assert len(list(source)) == 3
    assert len(source.notes) == 1 and 'could not be reopened' in source.notes[0]


def test_buffered_frames_have_the_times_of_the_camera():
    source = camera(Timed(99, 100, 100.5, 101), Timed(3, 4))
    times = [frame.time for frame in source]
    assert np.diff(times).tolist() == pytest.approx([0.5, 0.5, times[3] - times[2], 1]) and times[3] > times[2]


@pytest.mark.parametrize('jump', [4000.0, 20.0])
def test_jumps_of_the_camera_clock_do_not_stop_the_stream(jump):
    source = camera(Timed(99, 100, 100.04, 100 + jump, 100.04 + jump, 50, 50.04))
    times = [frame.time for frame in source]
    assert len(times) == 6 and (np.diff(times) > 0).all() and times[-1] < 30


def test_a_missing_camera_raises():
    with pytest.raises(ValueError, match='cannot open camera 0'):
        camera(Camera(0, False))
    with pytest.raises(ValueError, match='camera 0 does not return an image'):
        camera(Camera(0))


def test_without_password_removes_credentials_from_addresses():
    assert without_password('rtsp://admin:secret@10.0.0.2:554/a@b') == 'rtsp://10.0.0.2:554/a@b'
    assert without_password('rtsp://admin:p@ss@10.0.0.2/a') == 'rtsp://10.0.0.2/a'
    assert without_password('http://10.0.0.2/a@b') == 'http://10.0.0.2/a@b' and without_password(0) == 0


@pytest.mark.slow  # runs in real time, so a busy machine can fail it
def test_a_lost_rtsp_camera_is_reopened_with_the_times_of_its_frames():
    pytest.importorskip('av')
    server = RtspCamera().start()
    source = open_source(server.address)
    assert source.live and source.size == SIZE and source.fps == pytest.approx(FPS)
    source.patience = 1.5
    events = [(0.5, server.stop), (0.8, server.start), (1.5, server.stop)]
    threading.Thread(target=lambda: [(time.sleep(wait), act()) for wait, act in events], daemon=True).start()
    times, taken = [], []
    for frame in source:
        times.append(frame.time)
        taken.append(number_of(frame.image) / FPS)
    gap = np.diff(times).argmax()
    assert np.diff(times)[gap] > 0.3 and len(times) > 20
    # Frames have the times at which they were taken, not those at which they arrived.
    for part in (slice(None, gap + 1), slice(gap + 1, None)):
        assert np.diff(times[part]) == pytest.approx(np.diff(taken[part]), abs=2e-3)
    assert np.diff(times)[gap] == pytest.approx(np.diff(taken)[gap], abs=1.0)
    assert 'was lost for' in source.notes[0] and 'could not be reopened' in source.notes[-1]
    assert 'secret' not in ''.join(source.notes) + source.name
