"""Sources of frames with their times: films and folders of images.

Times are those in the film, so that variable frame rates are handled. Images are ``(H, W, 3)`` uint8 BGR, as in OpenCV.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from pyskl.inference.cameras import ADDRESSES, OPTIONS, TIMEOUT, CameraSource, without_password
from pyskl.inference.frames import Frame, fitted, pyav

IMAGES = ('.bmp', '.jpeg', '.jpg', '.png', '.webp')
FILMS = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.webm', '.wmv', '.ts')
MAX_MISSED = 0.05  # fraction of its duration that may be missing at the end before a film counts as truncated


class FilmSource:
    """Read the frames of a video file with PyAV, rotated upright.

    Args:
        path: The file, or the address of one.

    Attributes:
        name: The path, or the address without user and password.
        size: (height, width) of the images, pixels.
        fps: Mean number of frames per second.
        duration: Duration stated in the file, seconds; 0 if unknown.
        notes: Messages about the film, one line each; complete once all frames have been read.

    Raises:
        ValueError: If PyAV is not installed, or the file is not a video.
        OSError: If the file does not exist.
    """

    live = False

    def __init__(self, path: str | Path) -> None:
        self.path, self.notes = path if '://' in str(path) else Path(path), []
        self.name = without_password(str(path))
        self._av, self._damaged_at = pyav(), None
        if isinstance(self.path, Path) and not self.path.is_file():
            raise FileNotFoundError(f'film {self.name} does not exist')
        with self._open() as container:
            stream = container.streams.video[0]
            self.fps = float(stream.average_rate or stream.guessed_rate or 30)
            self.duration = float((container.duration or 0) / self._av.time_base)
            try:
                first = next(self._decoded(container, stream), None)
            except self._av.error.FFmpegError as error:
                raise ValueError(f'cannot decode {self.name}: {error.strerror}') from None
            if first is None:
                raise ValueError(
                    f'{self.name} has no frames{" that can be decoded" if self._damaged_at is not None else ""}'
                )
            # Quarter turns anticlockwise that make it upright.
            self.turns = round(getattr(first, 'rotation', 0) / 90) % 4
            sides = (first.height, first.width)
            self.size = sides[::-1] if self.turns % 2 else sides
            self._coded = sides
            if self.turns:
                self.notes.append(f'{self.name} has a rotation flag; its frames are rotated upright')

    def _open(self):
        try:
            remote = {'options': OPTIONS, 'timeout': TIMEOUT} if isinstance(self.path, str) else {}
            container = self._av.open(str(self.path), **remote)
        except self._av.error.FFmpegError as error:
            raise ValueError(f'{self.name} is not a film, or cannot be decoded: {error.strerror}') from None
        if not container.streams.video:
            container.close()
            raise ValueError(f'{self.name} has no video stream')
        container.streams.video[0].thread_type = 'AUTO'
        return container

    def _decoded(self, container, stream) -> Iterator:
        """Decode frames, and go on after those that cannot be decoded, as players do.

        Raises:
            av.error.FFmpegError: If the file cannot be read any further.
        """
        at = 0.0
        for packet in container.demux(stream):
            at = at if packet.pts is None else float((packet.pts - (stream.start_time or 0)) * packet.time_base)
            try:
                yield from packet.decode()
            except self._av.error.InvalidDataError:
                if self._damaged_at is None:
                    self._damaged_at = at

    def __len__(self) -> int:
        """Approximate number of frames; 0 if unknown."""
        return round(self.duration * self.fps)

    def __iter__(self) -> Iterator[Frame]:
        """Iterate over all frames; damaged ones are gaps, with a message in ``notes``.

        If the size of the images changes, they are scaled to fit the size of the first, with a message in ``notes``.
        """
        begin, last, coded = None, -1.0, self._coded
        self._damaged_at = None
        with self._open() as container:
            stream = container.streams.video[0]
            counted = container.format.name == 'avi'  # times in avi files are wrong for films with B-frames
            try:
                for number, frame in enumerate(self._decoded(container, stream)):
                    at = number / self.fps if counted or frame.time is None else float(frame.time)
                    begin = at if begin is None else begin
                    if at - begin < last - 1 / self.fps:  # the times restart, as in joined films
                        begin = at - last - 1 / self.fps
                    at -= begin
                    if at <= last:  # two frames with the same time
                        at = last + 0.5 / self.fps
                    sides = (frame.height, frame.width)
                    if sides != coded:
                        self.notes.append(size_change(self.name, sides, at, self._coded))
                        coded = sides
                    last = at
                    image = fitted(frame.to_ndarray(format='bgr24'), self._coded)
                    yield Frame(at, np.ascontiguousarray(np.rot90(image, self.turns)) if self.turns else image)
            except self._av.error.FFmpegError as error:
                what = 'is damaged' if isinstance(self.path, Path) else 'could not be read'
                self.notes.append(f'{self.name} {what} after {max(last, 0):.2f} s ({error.strerror})')
                return
        if self._damaged_at is not None:
            self.notes.append(
                f'{self.name} is damaged at {self._damaged_at:.2f} s; frames that cannot be decoded are gaps in time'
            )
        if self.duration and last + 1 / self.fps < (1 - MAX_MISSED) * self.duration - 0.1:
            self.notes.append(
                f'{self.name} is truncated: its frames end at {max(last, 0):.2f} s of {self.duration:.2f} s'
            )


class ImagesSource:
    """Read a folder of images as a film, sorted by name.

    Args:
        folder: The folder.
        fps: Images per second.

    Attributes:
        size: (height, width) of the first image, pixels; others are scaled to fit it.
        notes: Messages about the images, one line each; complete once all have been read.

    Raises:
        ValueError: If it has no images, or the first cannot be read.
    """

    live = False

    def __init__(self, folder: str | Path, fps: float = 30.0) -> None:
        self.path, self.name, self.fps, self.notes = Path(folder), str(folder), fps, []
        self.files = sorted(path for path in self.path.iterdir() if path.suffix.lower() in IMAGES)
        if not self.files:
            raise ValueError(f'{folder} has no images ({", ".join(IMAGES)})')
        first = self._read(self.files[0])
        if first is None:
            raise ValueError(f'cannot read {self.files[0]} as an image')
        self.size = first.shape[:2]
        self.duration = len(self.files) / fps

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[Frame]:
        """Iterate over all images; one that cannot be read is a gap in time, with a message in ``notes``."""
        coded, broken = self.size, 0
        for number, path in enumerate(self.files):
            image = self._read(path)
            if image is None:
                broken += 1
                if broken == 1:
                    self.notes.append(f'cannot read {path} as an image; it is a gap in time')
                continue
            if image.shape[:2] != coded:
                coded = image.shape[:2]
                self.notes.append(size_change(path, coded, number / self.fps, self.size))
            yield Frame(number / self.fps, fitted(image, self.size))
        if broken > 1:
            self.notes.append(f'{broken} of the {len(self.files)} images in {self.path} cannot be read')

    @staticmethod
    def _read(path: Path) -> np.ndarray | None:
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our message says it
        try:
            return cv2.imread(str(path), cv2.IMREAD_COLOR)
        finally:
            cv2.utils.logging.setLogLevel(level)


def size_change(path: str | Path, size: tuple[int, int], time: float, first: tuple[int, int]) -> str:
    """Return the message for an image of another size."""
    scaled = '' if size == first else f'; the images are scaled to fit {first}'
    return f'{path}: the image size changes to {size} (height, width) at {time:.2f} s{scaled}'


def open_source(name: str | Path, fps: float = 30.0) -> FilmSource | ImagesSource | CameraSource:
    """Open a camera, a film or a folder of images.

    Args:
        name: Number of a camera such as ``0``, an address ``rtsp://`` or ``http://`` (a film if it has a duration, else
            a camera), a file, or a folder.
        fps: Frame rate of a folder of images.

    Raises:
        ValueError: If it is none of these or cannot be decoded.
        OSError: If the file does not exist.
    """
    text = str(name)
    if text.isdigit():
        return CameraSource(int(text))
    if text.lower().startswith(ADDRESSES):
        return FilmSource(text) if _is_film(text) else CameraSource(text)
    if Path(text).is_dir():
        return ImagesSource(text, fps)
    return FilmSource(text)


def _is_film(address: str) -> bool:
    """Whether an address returns a video with a duration, to be read by its own clock instead of in real time."""
    av = pyav()
    try:
        with av.open(address, options=OPTIONS, timeout=TIMEOUT) as container:
            return bool(container.duration and container.streams.video)
    except av.error.FFmpegError:  # opening it as a camera gives the error
        return False


def films_in(folder: str | Path) -> list[Path]:
    """List the video files in a folder, sorted by name."""
    return sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in FILMS)
