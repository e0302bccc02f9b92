"""Memory and time of `pyskl predict --explain` on a generated film of any length.

    python benchmarks/film_memory.py --minutes 5
    python benchmarks/film_memory.py --minutes 20

One person does a minute of actions again and again, in images of 320 x 180 at 15 per second; joints are given, so that
no pose estimator runs. Weights are random. Each pass (labels, responses, drawing) prints its processor time and the
resident memory at its start, in its middle and at its end.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import av  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

from pyskl.inference.network import load_network  # noqa: E402
from pyskl.inference.recognizer import ActionRecognizer  # noqa: E402
from pyskl.pose.precomputed import PrecomputedPose  # noqa: E402
from pyskl.skeletons import get_skeleton  # noqa: E402
from pyskl.synthetic.scene import Scene, make_scene  # noqa: E402
from pyskl.visualization.skeleton import draw_skeleton  # noqa: E402

FPS, SIZE, SCALE = 15, (180, 320), 1 / 6  # SCALE: of the scene's images
ACTIONS = ('walk', 'wave', 'clap', 'kick', 'punch', 'squat')


def write_film(path: Path, scene: Scene, frames: int) -> None:
    """Draw the minute once and encode it until the film has ``frames``."""
    ground, skeleton = np.full((*SIZE, 3), 90, np.uint8), get_skeleton('coco')
    minute = [
        draw_skeleton(ground, scene.keypoint[:, t] * SCALE, skeleton, scene.score[:, t], thickness=2, radius=2)
        for t in range(scene.keypoint.shape[1])
    ]
    with av.open(str(path), 'w') as out:
        stream = out.add_stream('libx264', rate=FPS, options={'preset': 'ultrafast'})
        stream.height, stream.width, stream.pix_fmt = *SIZE, 'yuv420p'
        for number in range(frames):
            image = np.ascontiguousarray(minute[number % len(minute)])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format='rgb24')))
        out.mux(stream.encode())


def resident() -> int:
    """Resident memory of this process, MB."""
    return int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize() >> 20


def watched(frames: Iterable, total: int, what: str) -> Iterator:
    """Iterate over the frames of a pass and print its time and memory."""
    begin, marks = time.process_time(), []
    for number, frame in enumerate(frames):
        if number in (0, total // 2):
            marks.append(resident())
        yield frame
    marks.append(resident())
    print(f'{what:8s} {time.process_time() - begin:7.1f} s of processor time, {marks} MB', flush=True)


def main() -> None:
    """Label, explain and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--minutes', type=float, default=5, help='length of the film (default: 5)')
    parser.add_argument('--explain', default='magnitude', choices=['magnitude', 'gradient'])
    parser.add_argument('--config', default='quickstart/d5tod6', help='default: quickstart/d5tod6')
    args = parser.parse_args()
    torch.set_num_threads(1)
    frames = round(args.minutes * 60 * FPS)
    scene = make_scene(0, [[(action, 5.0) for action in ACTIONS * 2]], float(FPS))
    length = scene.keypoint.shape[1]
    people = ((scene.keypoint[:, t % length] * SCALE, scene.score[:, t % length]) for t in range(frames))
    recognizer = ActionRecognizer.of(load_network(args.config, None)[0], PrecomputedPose(people, 'coco'))
    with tempfile.TemporaryDirectory() as folder:
        write_film(Path(folder) / 'film.mp4', scene, frames)
        print(f'{frames} frames, {resident()} MB before', flush=True)
        for _ in recognizer.film(
            Path(folder) / 'film.mp4', Path(folder) / 'out', explain=args.explain, progress=watched
        ):
            pass
    print(f'largest memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB')


if __name__ == '__main__':
    main()
