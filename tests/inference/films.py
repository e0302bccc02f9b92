"""Small synthetic films and pose estimators that return their people."""

import numpy as np

from pyskl.pose.precomputed import PrecomputedPose
from pyskl.skeletons import get_skeleton
from pyskl.synthetic.scene import make_scene
from pyskl.visualization.skeleton import draw_skeleton

SIZE = (180, 320)  # (height, width), a sixth of the scene's


def write_film(path, frames, fps=15, sound=False, times=None, size=SIZE, codec='libx264', **options):
    """Write ``(H, W, 3)`` RGB frames as a film."""
    import av

    with av.open(str(path), 'w') as out:
        stream = out.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width, stream.pix_fmt = *size, 'yuv420p'
        audio = out.add_stream('aac', rate=16000) if sound else None
        count = 0
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format='rgb24')
            if times is not None:
                frame.pts = times[number]
            out.mux(stream.encode(frame))
            count += 1
        out.mux(stream.encode())
        if sound:
            tone = np.sin(np.arange(int(16000 * count / fps)) / 16000 * 2 * np.pi * 440).astype(np.float32)
            for start in range(0, len(tone) - 1023, 1024):
                frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format='fltp', layout='mono')
                frame.sample_rate, frame.pts = 16000, start
                out.mux(audio.encode(frame))
            out.mux(audio.encode())
    return path


def two_people(seconds=3.0, fps=15.0):
    """Person 1 walks, then waves; person 2 waves, then walks."""
    return make_scene(0, [[('walk', seconds), ('wave', seconds)], [('wave', seconds), ('walk', seconds)]], fps)


def render(scene, scale=1 / 6):
    """Yield the frames of a scene as line drawings on a grey background."""
    ground = np.full((round(scene.size[0] * scale), round(scene.size[1] * scale), 3), 90, np.uint8)
    skeleton = get_skeleton('coco')
    for t in range(scene.keypoint.shape[1]):
        yield draw_skeleton(ground, scene.keypoint[:, t] * scale, skeleton, scene.score[:, t], thickness=2, radius=2)


def pose_of(scene, scale=1 / 6):
    """An estimator that returns the people of the rendered scene."""
    frames = ((scene.keypoint[:, t] * scale, scene.score[:, t]) for t in range(scene.keypoint.shape[1]))
    return PrecomputedPose(frames, 'coco')


class HandsUp:
    """Stub network: the score of waving is the share of frames with a wrist above the shoulders, else walking."""

    name, classes, fps, window, num_person = 'hands-up', ['walk', 'wave'], 30.0, 1.0, 1

    def __init__(self):
        from pyskl.inference.network import Calibration

        self.skeleton, self.calibration = get_skeleton('coco'), Calibration()
        names = self.skeleton.joints
        self._shoulders, self._wrists = (
            [names.index(f'{side}_{joint}') for side in ('left', 'right')] for joint in ('shoulder', 'wrist')
        )

    def scores(self, windows):
        rows = []
        for window in windows:
            y = window['keypoint'][0, ..., 1]
            up = float((y[:, self._wrists].min(1) < y[:, self._shoulders].min(1)).mean())
            rows.append((1 - up, up))
        return np.array(rows), np.array(rows).max(1)


class Explained(HandsUp):
    """HandsUp with the responses of a real network."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def __getattr__(self, name):
        return getattr(self.network, name)
