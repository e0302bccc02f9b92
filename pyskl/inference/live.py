"""A camera while it runs: events, a window with the labels, and a film drawn at once.

The labels of a running stream are those of the latest windows, half a window behind what is seen.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from pyskl.inference.film_writer import FilmWriter, even, film_file
from pyskl.inference.recognizer import ActionRecognizer
from pyskl.inference.sources import prefetch
from pyskl.inference.timeline import Event
from pyskl.inference.writers import Recorder
from pyskl.visualization.overlay import Interval, Strip, draw_people

SPAN = 30.0  # seconds on the strip
TITLE = 'pyskl: q ends'


class LiveView:
    """Frames with people, their present labels and the last seconds as a strip.

    Args:
        size: (height, width) of the camera's images.
        skeleton: Of the joints.
        height: Largest height of a frame, pixels.
    """

    def __init__(self, size: tuple[int, int], skeleton, height: int = 720) -> None:
        self.shape, self.skeleton = even(size, height), skeleton
        self._scale = np.array([self.shape[1] / size[1], self.shape[0] / size[0]], np.float32)
        self._past: deque[Interval] = deque(maxlen=4096)

    @property
    def total(self) -> tuple[int, int]:
        """(height, width) of what is drawn."""
        rows = Strip(self.shape[1], [], (0, 1)).row * 8
        return self.shape[0] + rows, self.shape[1]

    def draw(self, image: np.ndarray, stream, keypoint: np.ndarray, score: np.ndarray) -> np.ndarray:
        """``(H, W, 3)`` BGR and the people in it -> RGB."""
        time, current = stream.time, stream.current()
        for person, (label, _) in current.items():
            last = next((item for item in reversed(self._past) if item.person == person), None)
            if last is not None and last.label == label and time - last.end < 0.5:
                self._past.remove(last)
                self._past.append(last._replace(end=time))
            else:
                self._past.append(Interval(person, time, time, label, label != 'unknown'))
        while self._past and self._past[0].end < time - SPAN:
            self._past.popleft()
        small = cv2.resize(image, self.shape[::-1], interpolation=cv2.INTER_AREA)[..., ::-1]
        labels = {person: f'{label} {sure:.2f}' for person, (label, sure) in current.items()}
        out = draw_people(small, stream.persons.tolist(), keypoint * self._scale, score, self.skeleton, labels)
        strip = Strip(self.shape[1], list(self._past), (time - SPAN, time)).draw(time)
        canvas = np.zeros((*self.total, 3), np.uint8)
        canvas[: self.shape[0]] = out
        strip = strip[: len(canvas) - self.shape[0]]
        canvas[self.shape[0] : self.shape[0] + len(strip)] = strip
        return canvas


def label_live(
    recognizer: ActionRecognizer,
    source,
    out: str | Path | None = None,
    *,
    show: bool = False,
    seconds: float | None = None,
    overwrite: bool = False,
    film: bool = True,
    report: Callable[[str], None] = lambda line: None,
    window=None,
) -> Iterator[Event]:
    """The events of a camera, each when it has ended, until Ctrl-C, ``q`` in the window, or ``seconds`` are over.

    Args:
        recognizer: Labels the people.
        source: A camera, or a film.
        out: Folder for events, scores and film.mp4.
        show: Whether a window shows the labels.
        seconds: When to stop.
        overwrite: Whether results in ``out`` are replaced.
        film: Whether film.mp4 is written.
        report: Called with lines for the log.
        window: What shows an RGB image and says whether to go on, for tests.

    Raises:
        ValueError: If a window is asked for and this OpenCV has none.
    """
    if show and window is None:
        window = _show
        _check_window()
    about = {'source': str(getattr(source, 'address', getattr(source, 'path', ''))), 'model': recognizer.network.name}
    view = LiveView(source.size, recognizer.network.skeleton)
    with contextlib.ExitStack() as stack:
        films = stack.enter_context(contextlib.ExitStack())
        recorder = stack.enter_context(Recorder(out, recognizer.network, about, overwrite)) if out else None
        stream = recognizer.stream(source.fps, source.size, recorder.scores.add if recorder else None)
        writer = failed = None
        if recorder and film:
            writer = films.enter_context(film_file(recorder.folder / 'film.mp4', view.total, source.fps))
        found = stack.enter_context(contextlib.closing(prefetch(recognizer.people_of(source, recognizer.pose()), 1)))
        try:
            for frame, keypoint, score in found:
                events = stream.update((keypoint, score), frame.time)
                if recorder:
                    recorder.add(events)
                yield from events
                if writer or window:
                    image = view.draw(frame.image, stream, keypoint, score)
                    if writer and not _written(writer, films, image, frame.time, report):
                        writer = None
                    if window and not window(image):
                        break
                if seconds is not None and frame.time >= seconds:
                    break
        except KeyboardInterrupt:  # the usual way to end a camera: everything is written
            report('ended by Ctrl-C')
        except Exception as error:  # what was seen is labelled
            failed = error
        finally:
            rest = stream.finish()
            if recorder:
                recorder.add(rest)
                recorder.write()
        yield from rest
        try:
            films.close()
        except OSError as error:  # of the film alone
            report(str(error))
        if failed is not None:
            raise failed
        for line in source.notes:
            report(line)


def _written(writer: FilmWriter, films: contextlib.ExitStack, image: np.ndarray, time: float, report) -> bool:
    """Append to the film; if the disk is full, end it there and go on without."""
    try:
        writer.write(image, time)
    except OSError as full:
        try:
            films.__exit__(type(full), full, full.__traceback__)
        except OSError as error:
            report(f'{error}; labelling goes on without a film')
        return False
    return True


def _check_window() -> None:
    try:
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)
    except cv2.error:
        raise ValueError(
            'this OpenCV cannot open a window (opencv-python-headless, or no display); leave --show away and use --out'
        ) from None


def _show(image: np.ndarray) -> bool:
    cv2.imshow(TITLE, image[..., ::-1])
    return cv2.waitKey(1) & 0xFF != ord('q')
