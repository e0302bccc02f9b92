import numpy as np
import pytest

from pyskl.inference.cameras import CameraSource


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
    assert 'was lost for' in source.notes[0] and 'could not be reopened' in source.notes[1]


def test_a_camera_that_is_not_there():
    with pytest.raises(ValueError, match='cannot open camera 0'):
        camera(Camera(0, False))
    with pytest.raises(ValueError, match='camera 0 does not return an image'):
        camera(Camera(0))
