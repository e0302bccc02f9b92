"""``pyskl predict`` on keypoints: JSON lines of a file or stdin, JSON of pose estimators, annotation files."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path

import numpy as np

from pyskl.converters.keypoint_json import read_keypoints
from pyskl.datasets.records.cache import open_records
from pyskl.inference.film_writer import draw_film
from pyskl.inference.keypoint_lines import LineFrame, read_lines
from pyskl.inference.recognizer import ActionRecognizer
from pyskl.inference.responses import check_explainable
from pyskl.inference.writers import Recorder, finish

SIZE = (1080, 1920)


def label(recognizer: ActionRecognizer, args: argparse.Namespace, say: Callable, show_event: Callable) -> None:
    """Label the keypoints of ``args.source``.

    Raises:
        ValueError: If they do not fit the network.
        OSError: If a file cannot be read or written.
    """
    skeleton = recognizer.network.skeleton
    if args.source == '-':
        frames = read_lines(sys.stdin, skeleton, say)
        if args.seconds:
            frames = _until(frames, args.seconds, args.fps)
        label_frames(recognizer, args, frames, None, args.out, lambda event: show_event(event, as_json=True))
        return
    path = Path(args.source)
    if path.suffix.lower() == '.jsonl':
        label_frames(recognizer, args, _of_lines(path, skeleton, say), None, args.out, show_event)
        return
    if path.suffix.lower() == '.json':
        size, frames = _of_json(path, skeleton)
        label_frames(recognizer, args, frames, size, args.out, show_event)
        return
    store = open_records(path)
    total = len(store)
    for index in range(total):
        record = store[index]
        say(f'{store.names[index]}:')
        out = args.out and (args.out / store.names[index].replace('/', '_') if total > 1 else args.out)
        size = record.get('img_shape')
        frames = _of_record(record, skeleton)
        label_frames(recognizer, args, frames, size and tuple(map(int, size)), out, show_event)


def label_frames(
    recognizer: ActionRecognizer,
    args: argparse.Namespace,
    frames: Iterator[LineFrame],
    size: tuple[int, int] | None,
    out: Path | None,
    show_event: Callable,
) -> None:
    """Label frames of people, and draw them on a dark background."""
    network = recognizer.network
    if args.explain:
        check_explainable(network, args.explain)
    about = {'source': args.source, 'model': network.name, 'fps': args.fps, 'layout': network.skeleton.name}
    with Recorder(out, network, about, args.overwrite) if out else nullcontext() as recorder:
        stream = recognizer.stream(args.fps, size, recorder.scores.add if recorder else None)
        try:
            for frame in frames:
                if frame.size is not None:
                    stream.size = frame.size
                people = None if frame.keypoint is None else (frame.keypoint, frame.score)
                events = stream.update(people, frame.time, frame.ids)
                if recorder:
                    recorder.add(events)
                    if people is not None:
                        recorder.add_people(stream.time, stream.persons, *people)
                for event in events:
                    show_event(event)
        finally:  # write the events before invalid input or Ctrl-C
            rest, unwritten = finish(stream, recorder)
            for event in rest:
                show_event(event)
        if unwritten:
            raise unwritten
        if not recorder or not recorder.people.frames:
            return
        with ExitStack() as stack:
            responses = None
            if args.explain:
                responses = recognizer.explain_film(recorder, args.explain, stream.size)
                stack.callback(responses.close)
            if not args.no_film and network.skeleton.dims == 2:
                draw_film(
                    recorder.folder / 'film.mp4', None, recorder.people, recorder.events, network.skeleton,
                    stream.size or SIZE, args.fps, height=args.film_height, responses=responses,
                )  # fmt: skip


def _until(frames: Iterator[LineFrame], seconds: float, fps: float) -> Iterator[LineFrame]:
    begin = None
    for number, frame in enumerate(frames):
        time = number / fps if frame.time is None else frame.time
        begin = time if begin is None else begin
        if time - begin > seconds:
            return
        yield frame


def _of_lines(path: Path, skeleton, say: Callable) -> Iterator[LineFrame]:
    with path.open(encoding='utf-8') as lines:
        try:
            yield from read_lines(lines, skeleton, say)
        except ValueError as error:
            raise ValueError(f'{path}, {error}') from None


def _of_json(path: Path, skeleton) -> tuple[tuple[int, int] | None, Iterator[LineFrame]]:
    try:
        found = read_keypoints(path)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None
    joints = found.keypoint.shape[1] if len(found.frame) else skeleton.num_joints
    if joints != skeleton.num_joints or skeleton.dims != 2:
        raise ValueError(
            f'{path} has {joints} joints, but the network needs {skeleton.num_joints} ({skeleton.name}); '
            f'pyskl data from-keypoints --layout {skeleton.name} converts known orders'
        )
    first, last = found.listed or ((int(found.frame.min()), int(found.frame.max())) if len(found.frame) else (0, -1))
    tracked = bool(len(found.track)) and bool((found.track >= 0).all())

    def frames() -> Iterator[LineFrame]:
        for number in range(first, last + 1):
            here = np.flatnonzero(found.frame == number)
            ids = found.track[here].tolist() if tracked and len(set(found.track[here])) == len(here) else None
            yield LineFrame(None, None, found.keypoint[here], np.clip(found.score[here], 0, 1), ids)

    return found.size, frames()


def _of_record(record: dict, skeleton) -> Iterator[LineFrame]:
    keypoint = np.asarray(record['keypoint'], np.float32)  # (M, T, V, C)
    if keypoint.ndim != 4 or keypoint.shape[2:] != (skeleton.num_joints, skeleton.dims):
        raise ValueError(
            f'{record.get("frame_dir")} has keypoint {keypoint.shape}, but the network needs {skeleton.num_joints} '
            f'joints ({skeleton.name}) with {skeleton.dims} coordinates'
        )
    seen = (keypoint != 0).any(-1)
    score = np.asarray(record.get('keypoint_score', seen), np.float32).clip(0, 1) * seen
    for t in range(keypoint.shape[1]):
        here = np.flatnonzero(score[:, t].any(-1))
        yield LineFrame(None, None, keypoint[here, t], score[here, t], here.tolist())
