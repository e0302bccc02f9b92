"""Live labelling of a camera: events, a window with the labels, and a film.

The labels are those of the latest windows, and lag by half a window.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from pyskl.inference.film_writer import FilmWriter, even, film_file
from pyskl.inference.frames import prefetch
from pyskl.inference.recognizer import ActionRecognizer
from pyskl.inference.timeline import Event
from pyskl.inference.writers import Recorder, finish
from pyskl.visualization.overlay import Interval, Strip, draw_people

SPAN = 30.0  # seconds shown by the timeline
TITLE = 'pyskl (q: quit)'


class LiveView:
    """Draw frames with people, their current labels, and a timeline of the last seconds.

    Args:
        size: (height, width) of the camera's images.
        skeleton: Skeleton of the joints.
        height: Maximum height of a frame, pixels.
    """

    def __init__(self, size: tuple[int, int], skeleton, height: int = 720) -> None:
        self.shape, self.skeleton = even(size, height), skeleton
        self._scale = np.array([self.shape[1] / size[1], self.shape[0] / size[0]], np.float32)
        self._past: deque[Interval] = deque(maxlen=4096)

    @property
    def total(self) -> tuple[int, int]:
        """(height, width) of the drawn image."""
        rows = Strip(self.shape[1], [], (0, 1)).row * 8
        return self.shape[0] + rows, self.shape[1]

    def draw(self, image: np.ndarray, stream, keypoint: np.ndarray, score: np.ndarray) -> np.ndarray:
        """Draw the people on ``(H, W, 3)`` BGR; returns RGB."""
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
        labels = {person: f'{label} {confidence:.2f}' for person, (label, confidence) in current.items()}
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
    """Yield the events of a camera, each as soon as it has ended.

    The stream ends on Ctrl-C, ``q`` in the window, or after ``seconds``.

    Args:
        recognizer: The recognizer.
        source: A camera or a film.
        out: Folder for events, scores and film.mp4.
        show: Whether to show a window with the labels.
        seconds: Duration of the stream; None: unlimited.
        overwrite: Whether to replace results in ``out``.
        film: Whether to write film.mp4.
        report: Called with log messages.
        window: Replaces the window in tests: shows an RGB image and returns whether to continue.

    Raises:
        ValueError: If ``show`` is set but OpenCV cannot open a window.
    """
    if show and window is None:
        window = _show
    about = {'source': source.name, 'model': recognizer.network.name}
    view = LiveView(source.size, recognizer.network.skeleton)
    if window is _show:
        _open_window(view.total)
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
                _report_notes(source, report)
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
        except KeyboardInterrupt:  # the usual way to end a camera: write everything
            report('stopped by Ctrl-C')
        except Exception as error:  # label the part that was processed
            failed = error
        finally:
            rest, unwritten = finish(stream, recorder)
        yield from rest
        try:
            films.close()
        except OSError as error:  # affects only the film
            report(str(error))
        if failed or unwritten:
            raise unwritten or failed  # if both failed, no events are in the folder
        found.close()  # the source may add notes at its end
        _report_notes(source, report)


def _report_notes(source, report: Callable[[str], None]) -> None:
    while source.notes:
        report(source.notes.pop(0))


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


def _open_window(size: tuple[int, int]) -> None:
    try:
        # By default, a window of Qt is 400 x 200 pixels and has a toolbar.
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.resizeWindow(TITLE, size[1], size[0])
    except cv2.error:
        raise ValueError(
            'OpenCV cannot open a window (opencv-python-headless, or no display); use --out instead of --show'
        ) from None


def _show(image: np.ndarray) -> bool:
    cv2.imshow(TITLE, image[..., ::-1])
    return cv2.waitKey(1) & 0xFF != ord('q')
