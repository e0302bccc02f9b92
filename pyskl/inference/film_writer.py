"""Write H.264 films with PyAV, with the sound of another film."""

import contextlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pyskl.files import replacing_path
from pyskl.inference.frames import pyav
from pyskl.inference.responses import ResponseSpool
from pyskl.inference.sources import FilmSource
from pyskl.inference.spool import PeopleSpool
from pyskl.inference.timeline import Event
from pyskl.skeletons import Skeleton
from pyskl.visualization.overlay import Interval, Strip, draw_cells, draw_people, draw_scale

CLOCK = 90_000  # ticks per second of the film's times
PIECE = 4  # duration of a fragment of the file, seconds
CAPTIONS = {'magnitude': 'response of joints', 'gradient': 'evidence for the label'}
COPIED = ('aac', 'mp3', 'ac3')  # audio codecs that can be copied to an mp4 file


class FilmWriter:
    """Write frames with timestamps to an H.264 file.

    Args:
        path: The file, ``.mp4``.
        size: (height, width) of the frames, even numbers.
        fps: Mean number of frames per second, a hint for players.
        sound: Film whose sound is copied, if it has any.

    Raises:
        ValueError: If PyAV is not installed.
    """

    def __init__(self, path: str | Path, size: tuple[int, int], fps: float, sound: str | Path | None = None) -> None:
        self._av = pyav()
        self.path = Path(path)
        # In pieces that can be read while the film grows; ffmpeg 7.1 and later join them at the end.
        pieces = {'movflags': 'hybrid_fragmented'} if self._av.library_versions['libavformat'] >= (61, 7, 0) else {}
        self._out = self._av.open(str(path), 'w', format='mp4', options=pieces)
        rate = Fraction(max(fps, 1.0)).limit_denominator(1001)
        # Without B-frames, which would delay the images of a film in pieces against its sound.
        options = {'preset': 'veryfast', 'crf': '22', 'bf': '0', 'g': str(max(round(PIECE * fps), 1))}
        self._stream = self._out.add_stream('libx264', rate=rate, options=options)
        self._stream.height, self._stream.width = size
        self._stream.pix_fmt = 'yuv420p'
        self._stream.codec_context.time_base = Fraction(1, CLOCK)
        self._last = -1
        self._sound = None if sound is None else self._packets(sound)
        self._ahead = next(self._sound, None) if self._sound else None

    def write(self, image: np.ndarray, time: float) -> None:
        """Append ``(H, W, 3)`` RGB at ``time`` seconds."""
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='rgb24')
        frame.pts = self._last = max(round(time * CLOCK), self._last + 1)
        frame.time_base = Fraction(1, CLOCK)
        for packet in self._stream.encode(frame):
            self._out.mux(packet)
        self._mux_sound(time)

    def _mux_sound(self, until: float) -> None:
        while self._ahead is not None and self._ahead[0] <= until:
            self._out.mux(self._ahead[1])
            self._ahead = next(self._sound, None)

    def close(self) -> None:
        """Finish the file."""
        for packet in self._stream.encode():
            self._out.mux(packet)
        self._mux_sound(self._last / CLOCK + 0.1)
        if self._sound is not None:
            self._sound.close()
        self._out.close()

    def rescue(self) -> float | None:
        """Close the file after an error, so that the part written so far can be played.

        Returns:
            Duration of this part, seconds; None if no frame of it can be read.
        """
        with contextlib.suppress(OSError, ValueError):
            if self._sound is not None:
                self._sound.close()
        with contextlib.suppress(OSError, ValueError):
            self._out.close()
        last = None
        with contextlib.suppress(OSError, ValueError), self._av.open(str(self.path)) as film:
            last = next((float(frame.time or 0) for frame in film.decode(video=0)), None)  # at least one frame
            for packet in film.demux(video=0) if last is not None else ():
                last = last if packet.pts is None else max(float(packet.pts * packet.time_base), last)
        return last

    def _packets(self, path: str | Path) -> Iterator[tuple[float, object]] | None:
        """Return an iterator of (seconds, packet) of a film's sound; None if it has none."""
        source = self._av.open(str(path))
        if not source.streams.audio:
            source.close()
            return None
        video, audio = source.streams.video[0], source.streams.audio[0]
        begin = float((video.start_time or 0) * video.time_base)
        copied = audio.codec_context.name in COPIED
        if copied:
            target = self._out.add_stream_from_template(audio)
        else:
            target = self._out.add_stream('aac', rate=audio.codec_context.sample_rate)
        return self._read_sound(source, audio, target, begin, copied)

    def _read_sound(self, source, audio, target, begin: float, copied: bool) -> Iterator[tuple[float, object]]:
        with source, contextlib.suppress(self._av.error.FFmpegError):  # the sound of a truncated film ends early
            shift, last = round(begin / audio.time_base), -1
            if copied:
                for packet in source.demux(audio):
                    if packet.dts is None or packet.pts - shift < 0:
                        continue
                    if packet.dts - shift <= last:  # the clock starts again, as in films that were joined
                        shift = packet.dts - last - max(packet.duration or 0, 1)
                    last = packet.dts - shift
                    packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                    packet.stream = target
                    yield float(packet.pts * audio.time_base), packet
                return
            for frame in [*source.decode(audio)] if audio.duration is None else source.decode(audio):
                at = float(frame.time or 0) - begin
                frame.pts = None
                for packet in target.encode(frame):
                    yield at, packet
            for packet in target.encode():
                yield 1e9, packet


@contextlib.contextmanager
def film_file(
    path: str | Path, size: tuple[int, int], fps: float, sound: str | Path | None = None
) -> Iterator[FilmWriter]:
    """Write a film, which gets its name at the end of the ``with`` block.

    If writing fails, the playable part is saved. After any other error, no file is left.

    Raises:
        OSError: If the film cannot be written; the message names the file and the time at which it ends.
    """
    failed = None
    with replacing_path(path) as name:
        writer = FilmWriter(name, size, fps, sound)
        try:
            yield writer
            writer.close()
        except OSError as error:
            seconds, failed = writer.rescue(), error
            if seconds is None:
                raise
        except BaseException:
            writer.rescue()
            raise
    if failed is not None:
        raise OSError(f'{path} ends at {seconds:.1f} s: {failed.strerror}') from failed


def even(size: tuple[int, int], most: int) -> tuple[int, int]:
    """Scale (height, width) to a height of at most ``most``, with both sides even."""
    scale = min(1.0, most / size[0])
    return tuple(max(round(side * scale / 2) * 2, 2) for side in size)


def intervals_of(events: Sequence[Event]) -> list[Interval]:
    """Convert events to the intervals that a timeline draws."""
    return [Interval(event.person, event.start, event.end, event.label, event.index >= 0) for event in events]


def draw_film(
    path: str | Path,
    source: FilmSource | Iterator,
    people: PeopleSpool,
    events: Sequence[Event],
    skeleton: Skeleton,
    size: tuple[int, int],
    fps: float,
    sound: str | Path | None = None,
    height: int = 720,
    progress=iter,
    responses: ResponseSpool | None = None,
) -> int:
    """Write the film with skeletons, labels and the timeline.

    On Ctrl-C the film ends at the current frame, and KeyboardInterrupt is raised after the file has been completed.

    Args:
        path: The file.
        source: The frames, at least as many as in ``people``; None for a dark background.
        people: The tracked people of each frame.
        events: Events of all persons.
        skeleton: Skeleton of the joints.
        size: (height, width) of the image that joints refer to.
        fps: Mean number of frames per second.
        sound: Film whose sound is copied.
        height: Maximum height of the frames, pixels.
        progress: Wraps the iteration over frames, e.g. ``tqdm``.
        responses: Responses to the same people, drawn as size and colour of joints.

    Returns:
        The number of frames written.

    Raises:
        OSError: If the file cannot be written.
    """
    shape = even(size, height)
    scale = np.array([shape[1] / size[1], shape[0] / size[0]], np.float32)
    intervals = intervals_of(events)
    last = max((event.end for event in events), default=0.0)
    strip = Strip(shape[1], intervals, (0.0, max(last, people.frames / fps)), int(np.clip(shape[0] // 40, 11, 18)))
    total = (shape[0] + strip.still.shape[0], shape[1])
    count, interrupted = 0, False
    if responses is not None:
        responses.rewind()
    images = (frame.image for frame in source) if source is not None else None
    with film_file(path, total, fps, sound) as writer:
        try:
            for time, persons, keypoint, score in progress(people):
                image = np.full((*shape, 3), 24, np.uint8) if images is None else next(images, None)
                if image is None:
                    break
                if images is not None:
                    image = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA)[..., ::-1]
                labels = _labels_at(intervals, time)
                strength, cells = (None, None) if responses is None else responses.strengths(persons)
                keypoint = keypoint[..., :2] * scale
                image = draw_people(image, persons.tolist(), keypoint, score, skeleton, labels, strength)
                if responses is not None:
                    draw_scale(image, CAPTIONS[responses.kind])
                if cells is not None:
                    draw_cells(image, persons.tolist(), cells)
                writer.write(np.concatenate([image, strip.draw(time)]), time)
                count += 1
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return count


def _labels_at(intervals: Sequence[Interval], time: float) -> dict[int, str]:
    return {item.person: item.label for item in intervals if item.start <= time <= item.end}
