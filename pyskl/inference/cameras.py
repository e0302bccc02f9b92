"""Cameras as sources of frames: local ones by number, and network cameras by address."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import cv2
import numpy as np

from pyskl.inference.frames import Frame, fitted, pyav

ADDRESSES = ('rtsp://', 'rtsps://', 'rtmp://', 'http://', 'https://')
TIMEOUT = 10.0  # seconds to wait for a server to answer
OPTIONS = {'rtsp_flags': 'prefer_tcp'}  # over UDP, lost packets damage images
MAX_UNTIMED = 5  # successive frames without a time before a stream counts as one without times
UNTIMED = ('mpjpeg', 'mjpeg')  # formats without times: FFmpeg assumes 25 frames per second
FIRST_WAIT, LONGEST_WAIT = 0.2, 5.0  # seconds before a lost camera is opened again
MAX_DRIFT = 30.0  # seconds by which a stream's times may differ from this machine's clock before they count as wrong


class Camera(Protocol):
    """What :class:`CameraSource` needs of a camera; ``cv2.VideoCapture`` has it, except for ``time``."""

    def isOpened(self) -> bool:
        """Whether the camera can be read."""
        ...

    def get(self, what: int) -> float:
        """Return a property; only ``cv2.CAP_PROP_FPS`` is used."""
        ...

    def read(self) -> tuple[bool, np.ndarray | None]:
        """Return whether there is an image, and the image, ``(H, W, 3)`` uint8 BGR."""
        ...

    def release(self) -> None:
        """Close the connection."""
        ...


class NetworkCamera:
    """Read a network camera with PyAV.

    Unlike OpenCV, it returns the times of frames, and does not write to stderr.

    Args:
        address: E.g. ``rtsp://host/stream``.

    Attributes:
        time: Time of the latest frame on the camera's clock, seconds; None if the stream has no times.

    Raises:
        ValueError: If PyAV is not installed.
    """

    def __init__(self, address: str) -> None:
        self.time: float | None = None
        self._av, self._container, self._timed = pyav(), None, False
        try:
            self._container = self._av.open(address, options=OPTIONS, timeout=TIMEOUT)
        except (self._av.error.FFmpegError, OSError):
            return
        if not self._container.streams.video:
            self.release()
            return
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = 'SLICE'  # threads per frame would delay the images
        self._timed = self._container.format.name not in UNTIMED
        self._frames = self._decoded()

    def isOpened(self) -> bool:
        """Whether the camera can be read."""
        return self._container is not None

    def get(self, what: int) -> float:
        """Return the frame rate if ``what`` is ``cv2.CAP_PROP_FPS``; 0 if unknown."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate or 0) if what == cv2.CAP_PROP_FPS else 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        """Return whether there is an image, and the image, ``(H, W, 3)`` uint8 BGR."""
        frame = next(self._frames, None) if self._container is not None else None
        for _ in range(MAX_UNTIMED if self._timed else 0):  # the first over RTSP, and the first after a pause
            if frame is None or frame.time is not None:
                break
            frame = next(self._frames, None)
        if frame is None:
            return False, None
        self.time = frame.time if self._timed else None
        self._timed = self.time is not None
        return True, frame.to_ndarray(format='bgr24')

    def _decoded(self) -> Iterator:
        """Iterate over frames until the connection is lost."""
        with contextlib.suppress(self._av.error.FFmpegError, OSError):
            for packet in self._container.demux(self._stream):
                if packet.size == 0:  # the end of the stream
                    return
                with contextlib.suppress(self._av.error.InvalidDataError):  # a damaged image is a gap
                    yield from packet.decode()

    def release(self) -> None:
        """Close the connection."""
        if self._container is not None:
            self._container.close()
            self._container = None


def open_camera(address: int | str) -> Camera:
    """Open a local camera by number, or a network camera by address."""
    if isinstance(address, str):
        return NetworkCamera(address)
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our error reports it
    try:
        return cv2.VideoCapture(address)
    finally:
        cv2.utils.logging.setLogLevel(level)


def without_password(address: int | str) -> int | str:
    """Remove user and password from an address, for messages and files."""
    return address if isinstance(address, int) else re.sub(r'://[^/]*@', '://', address)


class CameraSource:
    """Read a local or network camera, reconnecting if the connection is lost.

    Frames have the times of the camera's clock, or those of their arrival if it has none. A lost connection is a gap of
    the time that it lasted.

    Args:
        address: Number of a camera, or an address that begins with one of :data:`ADDRESSES`.
        patience: Seconds to try to reconnect before the stream ends.
        open_camera: Opens the camera; replaced in tests.
        clock: Returns the time in seconds.
        sleep: Waits for a number of seconds.

    Raises:
        ValueError: If the camera cannot be opened.
    """

    live = True
    duration = 0.0

    def __init__(
        self,
        address: int | str,
        patience: float = 30.0,
        open_camera: Callable[[int | str], Camera] = open_camera,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address, self.name, self.patience, self.notes = address, str(without_password(address)), patience, []
        self._open_camera, self._clock, self._sleep = open_camera, clock, sleep
        self._camera = self._opened()
        if self._camera is None:
            check = (
                'that the address is right and the camera can be reached'
                if isinstance(address, str)
                else 'that it is connected and not used by another program'
            )
            raise ValueError(f'cannot open camera {self.name}; check {check}')
        good, image = self._camera.read()
        if not good:
            raise ValueError(f'camera {self.name} does not return an image')
        self.size = image.shape[:2]
        self.fps = self._camera.get(cv2.CAP_PROP_FPS) or 30.0
        self.skipped, self._wait = 0, FIRST_WAIT

    def skip(self) -> None:
        """Count a frame that was discarded because it arrived before the previous ones had been processed."""
        self.skipped += 1

    def __len__(self) -> int:
        return 0

    def _opened(self) -> Camera | None:
        self._shift = None  # from the camera's clock to that of this source
        camera = self._open_camera(self.address)
        return camera if camera.isOpened() else None

    def _time(self, arrived: float, last: float) -> float:
        """Time of the latest frame on the clock of this source, given its arrival and the time of the previous frame.

        Frames that wait in buffers arrive late and close together, so their own times are more exact.
        """
        at = getattr(self._camera, 'time', None)
        if at is None:
            return arrived
        if self._shift is None or abs(at + self._shift - arrived) > MAX_DRIFT or at + self._shift < last - 1:
            self._shift = max(arrived, last + 1 / self.fps) - at
        return at + self._shift

    def __iter__(self) -> Iterator[Frame]:
        """Iterate over frames with the time since the first, until the camera is lost for longer than ``patience``."""
        begin, last, lost = self._clock(), -1.0, None
        try:
            while True:
                good, image = self._camera.read() if self._camera is not None else (False, None)
                now = self._clock()
                if not good:
                    if lost is None:
                        lost, self._wait = now, FIRST_WAIT
                    if not self._reopen(lost + self.patience):
                        self.notes.append(
                            f'camera {self.name} was lost at {lost - begin:.1f} s and could not be reopened'
                        )
                        return
                    continue
                if lost is not None:  # a server may accept connections long before it has images
                    self.notes.append(f'camera {self.name} was lost for {now - lost:.1f} s')
                    lost = None
                if image.shape[:2] != self.size:  # possible after reopening
                    image = fitted(image, self.size)
                at = self._time(now - begin, last)
                if at > last:
                    last = at
                    yield Frame(at, image)
        finally:
            self.close()
            if self.skipped:
                self.notes.append(
                    f'{self.skipped} frames of camera {self.name} were skipped, since they arrived faster than they '
                    'were processed'
                )

    def _reopen(self, until: float) -> bool:
        """Try to open the camera again, waiting twice as long each time, until the time ``until``."""
        self.close()
        while self._clock() < until:
            self._sleep(self._wait)
            self._wait = min(self._wait * 2, LONGEST_WAIT)
            self._camera = self._opened()
            if self._camera is not None:
                return True
        return False

    def close(self) -> None:
        """Release the camera."""
        if self._camera is not None:
            self._camera.release()
            self._camera = None
