"""Run a file written by `pyskl export` with only numpy and onnxruntime.

    python onnx_stream.py net.onnx clip.npz          # the five most likely classes of a clip
    python onnx_stream.py net.onnx people.jsonl      # who does what, every few frames; - reads stdin

clip.npz contains keypoint (M, T, V, C) for M persons, T frames and V joints, in pixels or metres; for 2D joints also
keypoint_score (M, T, V) and img_shape (height, width). The scores equal those of `pyskl test` on that clip.

people.jsonl contains a line per frame, in the format of `pyskl predict -`:
{"time": 0.033, "size": [1080, 1920], "people": [{"keypoints": [[x, y, score], ...], "id": 3}, ...]}
Without time, --fps is the frame rate; without id, persons are identified by their position in the list.
"""

import argparse
import json
import sys
from collections import deque
from pathlib import Path

import numpy as np
import onnxruntime

MAX_AGE = 1.0  # seconds after which a person who is not detected is dropped
IMG_SHAPE = 1080, 1920  # image size of streams without a size


class Recognizer:
    """A model and the metadata of its file.

    Args:
        path: The .onnx file.

    Raises:
        ValueError: If the file cannot be opened, or was not written by `pyskl export` with its pipeline.
    """

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self.session = onnxruntime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        except Exception as error:  # onnxruntime raises its own classes
            raise ValueError(f'{path} cannot be opened: {error}') from None
        about = self.session.get_modelmeta().custom_metadata_map
        if 'classes' not in about:
            raise ValueError(f'{path} has no metadata of pyskl export; was it written with --network-only?')
        self.classes, self.joints = json.loads(about['classes']), json.loads(about['joints'])
        self.channels = json.loads(about['channels'])  # such as x, y, score
        self.layout, self.fps, self.window = about['layout'], float(about['fps']), float(about['window'])
        self.max_frames = int(about['max_frames']) if 'max_frames' in about else None
        self.img_shape = json.loads(about['img_shape']) if 'img_shape' in about else None
        self.takes_size = len(self.session.get_inputs()) > 1

    def scores(self, keypoint, keypoint_score=None, img_shape=None):
        """Compute the scores of a clip, ``(K,)`` probabilities unless the export used another setting.

        Args:
            keypoint: ``(M, T, V, C)`` coordinates in pixels or metres; the last channel may be the score.
            keypoint_score: ``(M, T, V)``.
            img_shape: (height, width) of the image, pixels.

        Raises:
            ValueError: If the arrays do not fit the model.
        """
        keypoint = np.asarray(keypoint, np.float32)
        if keypoint_score is not None and 'score' in self.channels and keypoint.shape[-1] == 2:
            score = np.asarray(keypoint_score, np.float32)[..., None]
            keypoint = np.concatenate([keypoint, score], axis=-1)
        expected = (len(self.joints), len(self.channels))
        if keypoint.ndim != 4 or keypoint.shape[2:] != expected or 0 in keypoint.shape:
            raise ValueError(
                f'the model needs keypoint (M, T, {expected[0]}, {expected[1]}), {self.layout} joints of '
                f'{", ".join(self.channels)}, got {keypoint.shape}'
            )
        if self.max_frames and keypoint.shape[1] > self.max_frames:
            raise ValueError(f'the model allows at most {self.max_frames} frames, got {keypoint.shape[1]}')
        inputs = {'keypoint': keypoint}
        if self.takes_size:
            size = self.img_shape if img_shape is None else img_shape
            if size is None:
                raise ValueError('the model needs img_shape (height, width), since its input is in pixels')
            inputs['img_shape'] = np.array([int(side) for side in size], np.int64)
        return self.session.run(None, inputs)[0]


class Person:
    """The recent frames of one person."""

    def __init__(self, window):
        self.window, self.frames = window, deque(maxlen=8192)  # (time, (V, C))

    def add(self, time, joints):
        """Append a frame and drop frames that are older than any window."""
        self.frames.append((time, joints))
        while self.frames[0][0] < time - self.window - MAX_AGE:
            self.frames.popleft()

    def clip(self, end, fps):
        """Return the window that ends at ``end``, ``(1, T, V, C)``, with the observation nearest to each frame."""
        times = np.array([time for time, _ in self.frames])
        start = max(times[0], end - self.window)
        wanted = end - np.arange(int((end - start) * fps + 1e-6), -1, -1) / fps
        nearest = np.abs(times[None] - wanted[:, None]).argmin(1)
        return np.stack([self.frames[index][1] for index in nearest])[None]


def label_clip(model, path):
    """Print the five most likely classes of a clip."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in ('keypoint', 'keypoint_score', 'img_shape') if key in file}
    if 'keypoint' not in arrays:
        raise ValueError(f'{path} has no array keypoint')
    scores = model.scores(**arrays)
    scores = scores.mean(0) if scores.ndim > 1 else scores
    for index in np.argsort(-scores)[:5]:
        print(f'{scores[index]:.4f}  {model.classes[index]}')


def label_stream(model, lines, fps, hop, size=None):
    """Yield ``{"time", "person", "label", "score"}`` of each person, every ``hop`` seconds."""
    people, next_time = {}, None
    for number, line in enumerate(line for line in lines if line.strip()):
        try:
            frame = json.loads(line) or {'people': []}  # null: a frame that was dropped
            time, size = frame.get('time', number / fps), frame.get('size', size)
            found = [(int(p.get('id', place)), joints_of(model, p)) for place, p in enumerate(frame['people'])]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f'frame {number + 1}: {error!r}') from None
        for who, joints in found:
            people.setdefault(who, Person(model.window)).add(time, joints)
        people = {who: person for who, person in people.items() if person.frames[-1][0] >= time - MAX_AGE}
        next_time = time + hop if next_time is None else next_time
        if time < next_time - 1e-9:
            continue
        next_time = max(next_time + hop, time)
        for who, person in people.items():
            scores = model.scores(person.clip(time, model.fps), img_shape=size or model.img_shape or IMG_SHAPE)
            scores = scores.mean(0) if scores.ndim > 1 else scores
            best = int(scores.argmax())
            score = round(float(scores[best]), 4)
            yield {'time': round(time, 3), 'person': who, 'label': model.classes[best], 'score': score}


def joints_of(model, person):
    """Return the joints ``(V, C)`` of a person in a line; the score of joints without a score is 1."""
    channels = len(model.channels)
    joints = np.asarray(person['keypoints'], np.float32)
    joints = joints.reshape(len(model.joints), -1)[:, :channels]
    if joints.shape[1] == channels - 1 and model.channels[-1] == 'score':
        joints = np.pad(joints, ((0, 0), (0, 1)), constant_values=1)
    if joints.shape[1] != channels or not np.isfinite(joints).all():
        raise ValueError(f'a person must have {len(model.joints)} finite joints of {", ".join(model.channels)}')
    return joints


def main():
    """Label clips, or the people of a stream."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', help='a file written by pyskl export')
    parser.add_argument('source', nargs='+', help='.npz files, a file of JSON lines, or - for stdin')
    parser.add_argument('--fps', type=float, default=30.0, help='frames per second of lines without time')
    parser.add_argument('--hop', type=float, default=8 / 30, help='seconds between two labels of a person')
    args = parser.parse_args()
    try:
        model = Recognizer(args.model)
        for source in args.source:
            if source.endswith('.npz'):
                print(f'{source}:')
                label_clip(model, source)
                continue
            with sys.stdin if source == '-' else Path(source).open(encoding='utf-8') as lines:
                for event in label_stream(model, lines, args.fps, args.hop):
                    print(json.dumps(event, ensure_ascii=False), flush=True)
    except (ValueError, OSError) as error:
        raise SystemExit(f'error: {error}') from None


if __name__ == '__main__':
    main()
