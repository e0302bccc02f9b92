"""Cameras as sources of frames: local ones by number, and those behind an address."""

import time
from collections.abc import Callable, Iterator

import cv2

from pyskl.inference.frames import Frame, fitted


class CameraSource:
    """Read a local or network camera, reconnecting if the connection is lost.

    Args:
        address: Number of a camera, or an rtsp or http address.
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
        open_camera: Callable[[int | str], cv2.VideoCapture] = cv2.VideoCapture,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address, self.patience, self.notes = address, patience, []
        self._open_camera, self._clock, self._sleep = open_camera, clock, sleep
        self._camera = self._opened()
        if self._camera is None:
            check = (
                'that the address is right and the camera can be reached'
                if isinstance(address, str)
                else 'that it is connected and not used by another program'
            )
            raise ValueError(f'cannot open camera {address}; check {check}')
        good, image = self._camera.read()
        if not good:
            raise ValueError(f'camera {address} does not return an image')
        self.size = image.shape[:2]
        self.fps = self._camera.get(cv2.CAP_PROP_FPS) or 30.0

    def __len__(self) -> int:
        return 0

    def _opened(self) -> cv2.VideoCapture | None:
        camera = self._open_camera(self.address)
        return camera if camera.isOpened() else None

    def __iter__(self) -> Iterator[Frame]:
        """Iterate over frames with the time since the first, until the camera is lost for longer than ``patience``."""
        begin, last = self._clock(), -1.0
        try:
            while True:
                good, image = self._camera.read() if self._camera is not None else (False, None)
                at = self._clock() - begin
                if not good:
                    if not self._reopen():
                        self.notes.append(f'camera {self.address} was lost at {at:.1f} s and could not be reopened')
                        return
                    continue
                if image.shape[:2] != self.size:  # possible after reopening
                    image = fitted(image, self.size)
                if at > last:
                    last = at
                    yield Frame(at, image)
        finally:
            self.close()

    def _reopen(self) -> bool:
        lost, wait = self._clock(), 0.2
        self.close()
        while self._clock() - lost < self.patience:
            self._sleep(wait)
            wait = min(wait * 2, 5.0)
            self._camera = self._opened()
            if self._camera is not None:
                self.notes.append(f'camera {self.address} was lost for {self._clock() - lost:.1f} s')
                return True
        return False

    def close(self) -> None:
        """Release the camera."""
        if self._camera is not None:
            self._camera.release()
            self._camera = None
