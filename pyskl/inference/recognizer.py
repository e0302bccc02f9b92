"""Who does what, when: from a film, a camera or a stream of keypoints.

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
from pyskl.inference.network import ActionNetwork, Calibration, load_network
from pyskl.inference.responses import ResponseSpool, check_explainable, respond
from pyskl.inference.sources import FilmSource, Frame, ImagesSource, open_source, prefetch
from pyskl.inference.stepwise import StepwiseStream, make_stream
from pyskl.inference.stream import ActionStream, StreamSettings
from pyskl.inference.timeline import Event
from pyskl.inference.writers import Recorder
from pyskl.pose.choice import make_pose_model
from pyskl.pose.estimators import PoseModel
from pyskl.zoo import index
from pyskl.zoo.download import fetch

QUICKSTART = (  # the networks that tools/quickstart.sh trains, the better first
    ('quickstart/d5tod6', 'work_dirs/quickstart/d5tod6/best_top1_acc_epoch_*.pth'),
    ('quickstart/d5', 'work_dirs/quickstart/d5/best_top1_acc_epoch_*.pth'),
)


def find_model(name: str) -> tuple[str, str]:
    """Config and checkpoint of a name: ``quickstart``, or a model of the zoo, whose file is fetched on first use.

    Raises:
        ValueError: If there is no such model, or it has no published weights.
        OSError: If the quickstart has not run here, or the file cannot be fetched.
    """
    if name == 'quickstart':
        for config, pattern in QUICKSTART:
            if glob.glob(pattern):
                return config, pattern
        raise FileNotFoundError(
            f'no checkpoint {QUICKSTART[0][1]} in this folder; `bash tools/quickstart.sh` trains the network'
        )
    entry = index.find(name)
    if entry.weights is None:
        raise ValueError(f'{name} has no published weights; give a config and a checkpoint')
    return entry.config, str(fetch(entry.weights, entry.sha256))


class ActionRecognizer:
    """Labels the people of films and streams.

    Args:
        model: A name of the zoo, ``quickstart``, or a config (then with ``checkpoint``).
        checkpoint: Path or glob of the weights.
        device: E.g. 'cpu' or 'cuda:0'.
        pose: The pose estimator: a name of :data:`pyskl.pose.choice.ESTIMATORS`, or an object with ``people(frame)``
            and ``layout``. Made when the first film needs it.
        pose_model: Files of the estimator, arguments of :func:`pyskl.pose.choice.make_pose_model`.
        classes: Names of the classes, where config and checkpoint hold none.
        calibration: Of the scores.
        clips: Clips sampled from each window.
        trust: Admit a checkpoint that could run code.
        settings: Of streams.

    Raises:
        ValueError: If model, checkpoint and settings do not fit.
        OSError: If a file cannot be read or fetched.
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
        if settings is None:  # the bundled data show people in the middle of the image
            settings = StreamSettings(center=str(model) == 'quickstart')
        if checkpoint is None:
            model, checkpoint = find_model(str(model))
        self.network, self.notes = load_network(model, checkpoint, device, trust, clips, classes, calibration)
        self.settings = settings
        self._pose, self._pose_model = pose, pose_model or {}
        self.stream()  # so that settings that do not fit the network are refused at once

    @classmethod
    def of(cls, network: ActionNetwork, pose: str | PoseModel = 'auto', settings: StreamSettings | None = None):
        """A recognizer of a network that is built already."""
        self = cls.__new__(cls)
        self.network, self.notes, self.settings = network, [], settings or StreamSettings()
        self._pose, self._pose_model = pose, {}
        return self

    def pose(self) -> PoseModel:
        """A pose estimator for one film: MediaPipe follows a person from frame to frame, so films do not share it.

        Raises:
            ValueError: If its joints are not those of the network.
        """
        layout = self.network.skeleton.name
        if not isinstance(self._pose, str):
            if self._pose.layout != layout:
                raise ValueError(
                    f'the network takes joints of {layout!r}, the pose estimator finds {self._pose.layout!r}'
                )
            return self._pose
        return make_pose_model(self._pose, layout, **self._pose_model)

    def stream(
        self,
        fps: float = 30.0,
        size: tuple[int, int] | None = None,
        on_scores: Callable[[float, int, np.ndarray], None] | None = None,
        stepwise: bool | None = None,
    ) -> ActionStream:
        """A stream to be given the people of each frame; see :class:`pyskl.inference.stream.ActionStream`.

        Args:
            fps: Frames per second, for frames that come without a time.
            size: (height, width) of the images, pixels.
            on_scores: Called with (middle of the window in seconds, person, ``(K,)`` probabilities).
            stepwise: As of :class:`StreamSettings`; None takes that of the recognizer's settings.

        Raises:
            ValueError: If ``stepwise`` and the network cannot be stepped.
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
        """How strongly the network responds to each joint of a clip.

        Args:
            keypoint: ``(M, T, V, C)`` at the network's frame rate.
            score: ``(M, T, V)`` of 2D joints; None: 1 for all joints that are not at 0.
            size: (height, width) of the images, pixels.
            gradient: Whether the response is the evidence for a class in place of the magnitude.
            label: Name of that class; None is the likeliest.

        Raises:
            ValueError: If the joints are not those of the network, it has no responses of joints, or no such class.
        """
        keypoint, skeleton = np.asarray(keypoint, np.float32), self.network.skeleton
        due = (skeleton.num_joints, skeleton.dims)
        if keypoint.ndim != 4 or keypoint.shape[2:] != due:
            raise ValueError(
                f'keypoint must be (M, T, {due[0]}, {due[1]}), the joints of {skeleton.name!r}, got {keypoint.shape}'
            )
        if label is not None and not gradient:
            raise ValueError('label names the class of gradient=True; the magnitude is of no class')
        if label is not None and label not in self.network.classes:
            raise ValueError(f'no class {label!r}; choose from {self.network.classes}')
        window = {'keypoint': keypoint}
        if skeleton.dims == 2:
            seen = (keypoint != 0).any(-1) if score is None else np.asarray(score)
            if seen.shape != keypoint.shape[:3]:
                raise ValueError(f'score must be {keypoint.shape[:3]} as keypoint is, got {seen.shape}')
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
        """The events of a film, each when it has ended.

        Decoding, pose and network run side by side. With ``out``, the folder holds events.json, events.csv,
        events.srt, scores.npz and, drawn in a second pass, film.mp4. An interrupted film leaves all of these but the
        film, for what was seen.

        Args:
            source: A film, a folder of images, or a source that is open.
            out: Folder for the results.
            fps: Of a folder of images.
            overwrite: Whether results in ``out`` are replaced.
            draw: Whether film.mp4 is drawn.
            height: Largest height of film.mp4, without the timeline.
            explain: ``magnitude`` or ``gradient``: the response of each joint is drawn into film.mp4 and written to
                explain.npz, see :func:`pyskl.inference.responses.respond`.
            progress: Wraps the frames: called with (frames, total, what).
            report: Called with lines for the log.

        Raises:
            ValueError: If the source cannot be decoded, nothing fits the network, or it has no responses of joints.
            OSError: If a file cannot be read or written.
        """
        if isinstance(source, str | Path):
            source = open_source(source, fps)
        about = {
            'source': str(getattr(source, 'path', '')), 'model': self.network.name, 'fps': source.fps,
            'height': source.size[0], 'width': source.size[1], 'layout': self.network.skeleton.name,
        }  # fmt: skip
        if explain is not None:
            if out is None:
                raise ValueError('explain is drawn into film.mp4 and written to explain.npz; name a folder, out')
            if isinstance(self.stream(), StepwiseStream):
                raise ValueError('explain shows what windows depend on, so that it does not go with stepwise')
            check_explainable(self.network, explain)
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
            except (Exception, KeyboardInterrupt) as error:  # what was seen is labelled
                failed = error
            finally:
                rest = stream.finish()
                if recorder:
                    recorder.add(rest)
                    recorder.write()
            yield from rest
            if failed is not None:
                raise failed
            for line in source.notes:
                report(line)
            if not seen:
                report(f'nobody was found in {about["source"]}')
            if recorder and recorder.people.frames:
                responses = None
                if explain:
                    responses = self.explain_film(recorder, explain, source.size, progress)
                    stack.callback(responses.close)
                if draw:
                    self._draw(source, recorder, height, progress, responses)

    def explain_film(
        self,
        recorder: Recorder,
        kind: str,
        size: tuple[int, int] | None,
        progress: Callable[..., Iterable] | None = None,
    ) -> ResponseSpool:
        """Write explain.npz of a film that has been labelled; its owner closes the responses."""
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
        """Each frame with the joints and scores that ``model`` finds; frames are decoded by a thread of their own."""
        with contextlib.closing(prefetch(source)) as frames:
            for frame in frames:
                yield (frame, *model.people(frame.image))
