"""Label who does what, and when, in a film, a camera or a stream of keypoints.

recognizer = ActionRecognizer('stgcn++_ntu60_xsub_hrnet/j')
for event in recognizer.film('clip.mp4'):
    print(event.person, event.start, event.end, event.label, event.score)
stream = recognizer.stream(fps=30)
events = stream.update(people)
"""

import contextlib
import glob
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pyskl.inference.explain import Response
from pyskl.inference.explain import explain as explain_window
from pyskl.inference.film_writer import draw_film
from pyskl.inference.frames import Frame, prefetch
from pyskl.inference.network import ActionNetwork, Calibration, load_network
from pyskl.inference.responses import ResponseSpool, check_explainable, respond
from pyskl.inference.sources import FilmSource, ImagesSource, open_source
from pyskl.inference.stepwise import StepwiseStream, make_stream
from pyskl.inference.stream import ActionStream, StreamSettings
from pyskl.inference.timeline import Event
from pyskl.inference.writers import Recorder, finish
from pyskl.pose.choice import make_pose_model
from pyskl.pose.estimators import PoseModel
from pyskl.zoo import index
from pyskl.zoo.download import fetch

QUICKSTART = (  # the networks that tools/quickstart.sh trains, best first
    ('quickstart/d5tod6', 'work_dirs/quickstart/d5tod6/best_top1_acc_epoch_*.pth'),
    ('quickstart/d5', 'work_dirs/quickstart/d5/best_top1_acc_epoch_*.pth'),
)


def find_model(name: str) -> tuple[str, str]:
    """Find config and checkpoint of ``quickstart`` or of a model of the zoo, whose file is downloaded on first use.

    Raises:
        ValueError: If there is no such model, or it has no published weights.
        OSError: If the quickstart has not been run in this folder, or the file cannot be downloaded.
    """
    if name == 'quickstart':
        for config, pattern in QUICKSTART:
            if glob.glob(pattern):
                return config, pattern
        raise FileNotFoundError(
            f'no checkpoint {QUICKSTART[0][1]} in this folder; train the network with `bash tools/quickstart.sh` in '
            'a clone, or with `pyskl data synthetic --out data/synthetic/coco.pkl` and then '
            '`pyskl progressive quickstart/d5 quickstart/d5tod6`'
        )
    entry = index.find(name)
    if entry.weights is None:
        raise ValueError(f'{name} has no published weights; give a config and a checkpoint')
    return entry.config, str(fetch(entry.weights, entry.sha256))


class ActionRecognizer:
    """Label the people in films and streams.

    Args:
        model: A name in the zoo, ``quickstart``, or a config (with ``checkpoint``).
        checkpoint: Path or glob of the weights.
        device: E.g. 'cpu' or 'cuda:0'.
        pose: The pose estimator: one of :data:`pyskl.pose.choice.ESTIMATORS`, or an object with ``people(frame)`` and
            ``layout``. It is built when the first film needs it.
        pose_model: Further arguments of :func:`pyskl.pose.choice.make_pose_model`, such as files.
        classes: Class names, if neither config nor checkpoint has them.
        calibration: Calibration of the scores.
        clips: Number of clips sampled from each window.
        trust: Whether to accept a checkpoint that could run code.
        settings: Settings of streams.

    Raises:
        ValueError: If model, checkpoint and settings do not fit.
        OSError: If a file cannot be read or downloaded.
    """

    def __init__(
        self,
        model: str | Path,
        checkpoint: str | Path | None = None,
        *,
        device: str = 'cpu',
        pose: str | PoseModel = 'auto',
        pose_model: dict | None = None,
        classes: str | list[str] | None = None,
        calibration: Calibration | None = None,
        clips: int = 1,
        trust: bool = False,
        settings: StreamSettings | None = None,
    ) -> None:
        if settings is None:  # in the bundled data, people are in the centre of the image
            settings = StreamSettings(center=str(model) == 'quickstart')
        if checkpoint is None:
            model, checkpoint = find_model(str(model))
        self.network, self.notes = load_network(model, checkpoint, device, trust, clips, classes, calibration)
        self.settings = settings
        self._pose, self._pose_model = pose, pose_model or {}
        self.stream()  # so that settings that do not fit the network are refused at once

    @classmethod
    def of(cls, network: ActionNetwork, pose: str | PoseModel = 'auto', settings: StreamSettings | None = None):
        """Create a recognizer from an existing network."""
        self = cls.__new__(cls)
        self.network, self.notes, self.settings = network, [], settings or StreamSettings()
        self._pose, self._pose_model = pose, {}
        return self

    def pose(self) -> PoseModel:
        """Build a pose estimator for one film; MediaPipe tracks persons over time, so films must not share one.

        Raises:
            ValueError: If its joints are not those of the network.
        """
        skeleton = self.network.skeleton
        if not isinstance(self._pose, str):
            if self._pose.layout != skeleton.name:
                raise ValueError(
                    f'the network needs joints of {skeleton.name!r}, but the pose estimator detects '
                    f'{self._pose.layout!r}'
                )
            return self._pose
        return make_pose_model(self._pose, skeleton, **self._pose_model)

    def stream(
        self,
        fps: float = 30.0,
        size: tuple[int, int] | None = None,
        on_scores: Callable[[float, int, np.ndarray], None] | None = None,
        stepwise: bool | None = None,
    ) -> ActionStream:
        """Create a stream that takes the people of each frame; see :class:`pyskl.inference.stream.ActionStream`.

        Args:
            fps: Frame rate, for frames without a time.
            size: (height, width) of the images, pixels.
            on_scores: Called with (centre of the window in seconds, person, ``(K,)`` probabilities).
            stepwise: As in :class:`StreamSettings`; None: the value in the recognizer's settings.

        Raises:
            ValueError: If ``stepwise`` is set and the network cannot be stepped.
        """
        settings = self.settings if stepwise is None else replace(self.settings, stepwise=stepwise)
        return make_stream(self.network, fps, size, settings, on_scores)

    def response(
        self,
        keypoint: np.ndarray,
        score: np.ndarray | None = None,
        size: tuple[int, int] | None = None,
        *,
        gradient: bool = False,
        label: str | None = None,
    ) -> Response:
        """Compute the response of the network to each joint of a clip.

        Args:
            keypoint: ``(M, T, V, C)`` at the network's frame rate.
            score: ``(M, T, V)`` of 2D joints; None: 1 for all joints that are not at 0.
            size: (height, width) of the images, pixels.
            gradient: Whether to compute the evidence for a class instead of the magnitude.
            label: Name of that class; None: the most likely one.

        Raises:
            ValueError: If the joints are not those of the network, it has no features per joint, or no such class.
        """
        keypoint, skeleton = np.asarray(keypoint, np.float32), self.network.skeleton
        expected = (skeleton.num_joints, skeleton.dims)
        if keypoint.ndim != 4 or keypoint.shape[2:] != expected:
            raise ValueError(
                f'keypoint must be (M, T, {expected[0]}, {expected[1]}) for layout {skeleton.name!r}, '
                f'got {keypoint.shape}'
            )
        if label is not None and not gradient:
            raise ValueError('label requires gradient=True; the magnitude does not depend on a class')
        if label is not None and label not in self.network.classes:
            raise ValueError(f'unknown class {label!r}; choose from {self.network.classes}')
        window = {'keypoint': keypoint}
        if skeleton.dims == 2:
            seen = (keypoint != 0).any(-1) if score is None else np.asarray(score)
            if seen.shape != keypoint.shape[:3]:
                raise ValueError(f'score must be {keypoint.shape[:3]} to match keypoint, got {seen.shape}')
            window['keypoint_score'] = seen.astype(np.float32)
        if size is not None:
            window['img_shape'] = tuple(size)
        index = None if label is None else self.network.classes.index(label)
        return explain_window(self.network, window, gradient, index)

    def film(
        self,
        source: str | Path | FilmSource | ImagesSource,
        out: str | Path | None = None,
        *,
        fps: float = 30.0,
        overwrite: bool = False,
        draw: bool = True,
        height: int = 720,
        explain: str | None = None,
        progress: Callable[..., Iterable] | None = None,
        report: Callable[[str], None] = lambda line: None,
    ) -> Iterator[Event]:
        """Yield the events of a film, each as soon as it has ended.

        Decoding, pose estimation and the network run concurrently. With ``out``, events.json, events.csv, events.srt
        and scores.npz are written to the folder, and in a second pass film.mp4. If the film is interrupted, all files
        except film.mp4 are written for the part that was processed.

        Args:
            source: A film, a folder of images, or an open source.
            out: Folder for the results.
            fps: Frame rate of a folder of images.
            overwrite: Whether to replace results in ``out``.
            draw: Whether to draw film.mp4.
            height: Maximum height of film.mp4, without the timeline.
            explain: ``magnitude`` or ``gradient``: draw the response of each joint into film.mp4 and write it to
                explain.npz; see :func:`pyskl.inference.responses.respond`.
            progress: Wraps the frames; called with (frames, total, description).
            report: Called with log messages.

        Raises:
            ValueError: If the source cannot be decoded, does not fit the network, or the network has no features per
                joint (with ``explain``).
            OSError: If a file cannot be read or written.
        """
        if isinstance(source, str | Path):
            source = open_source(source, fps)
        about = {
            'source': getattr(source, 'name', ''), 'model': self.network.name, 'fps': source.fps,
            'height': source.size[0], 'width': source.size[1], 'layout': self.network.skeleton.name,
        }  # fmt: skip
        if explain is not None:
            if out is None:
                raise ValueError('explain requires out, the folder for film.mp4 and explain.npz')
            self.check_explain(explain)
        model = self.pose()
        with contextlib.ExitStack() as stack:
            recorder = stack.enter_context(Recorder(out, self.network, about, overwrite)) if out else None
            stream = self.stream(source.fps, source.size, recorder.scores.add if recorder else None)
            found = stack.enter_context(contextlib.closing(prefetch(self.people_of(source, model))))
            frames = progress(found, len(source), 'frames') if progress else found
            seen, failed = 0, None
            try:
                for frame, keypoint, score in frames:
                    events = stream.update((keypoint, score), frame.time)
                    seen += len(keypoint)
                    if recorder:
                        recorder.add_people(frame.time, stream.persons, keypoint, score)
                        recorder.add(events)
                    yield from events
            except (Exception, KeyboardInterrupt) as error:  # label the part that was processed
                failed = error
            finally:
                rest, unwritten = finish(stream, recorder)
            yield from rest
            if failed or unwritten:
                raise unwritten or failed  # if both failed, no events are in the folder
            for line in source.notes:
                report(line)
            if not seen:
                report(f'no person was detected in {about["source"]}')
            if recorder and recorder.people.frames:
                responses = None
                if explain:
                    responses = self.explain_film(recorder, explain, source.size, progress)
                    stack.callback(responses.close)
                if draw:
                    self._draw(source, recorder, height, progress, responses)

    def check_explain(self, kind: str) -> None:
        """Check that films can be explained.

        Raises:
            ValueError: If ``kind`` is unknown, the network has no features per joint, or labels are made stepwise.
        """
        if isinstance(self.stream(), StepwiseStream):
            raise ValueError('explain works on windows and cannot be combined with stepwise')
        check_explainable(self.network, kind)

    def explain_film(
        self,
        recorder: Recorder,
        kind: str,
        size: tuple[int, int] | None,
        progress: Callable[..., Iterable] | None = None,
    ) -> ResponseSpool:
        """Write explain.npz of a labelled film; the caller closes the returned responses."""
        people = recorder.people
        frames = progress(people, people.frames, 'explain') if progress else people
        responses = respond(self.network, frames, recorder.folder, kind, recorder.events, size, self.settings)
        try:
            responses.write(recorder.folder / 'explain.npz')
        except OSError as error:
            responses.close()
            raise OSError(f'{error}; events and scores are in {recorder.folder}') from error
        except BaseException:
            responses.close()
            raise
        return responses

    def _draw(self, source, recorder: Recorder, height: int, progress, responses: ResponseSpool | None) -> None:
        path = recorder.folder / 'film.mp4'
        sound = source.path if isinstance(source, FilmSource) else None
        wrapped = (lambda people: progress(people, people.frames, 'film')) if progress else iter
        try:
            draw_film(
                path, prefetch(source), recorder.people, recorder.events, self.network.skeleton, source.size,
                source.fps, sound, height, wrapped, responses,
            )  # fmt: skip
        except OSError as error:
            raise OSError(f'{error}; events and scores are in {recorder.folder}') from error

    @staticmethod
    def people_of(source: Iterable[Frame], model: PoseModel) -> Iterator[tuple[Frame, np.ndarray, np.ndarray]]:
        """Yield each frame with the joints and scores that ``model`` detects; frames are decoded in a thread.

        Frames of a camera that arrive faster than ``model`` processes them are skipped.
        """
        with contextlib.closing(prefetch(source, skip=getattr(source, 'skip', None))) as frames:
            for frame in frames:
                yield (frame, *model.people(frame.image))
