"""Measure the cost of labelling a video: ms per frame by part, and frames per second, for one and five persons.

    python benchmarks/film.py                                     # ST-GCN++ of NTU60, random weights, generated people
    python benchmarks/film.py --film clip.mp4                     # decode, pose and drawing of a film too
    python benchmarks/film.py --clip                              # inference_recognizer on a clip and its network

The network's part is the stream (tracking, resampling, pipeline, network) at one window every 8 frames of 30 per
second, and with each frame computed once (stepwise, 8 frames at a time): medians of the CPU time of one thread, which
excludes the time of other programs, although they slow it down. Weights do not affect the cost.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np  # noqa: E402
import torch  # noqa: E402

from pyskl.apis import inference_recognizer, init_recognizer  # noqa: E402
from pyskl.inference.network import load_network  # noqa: E402
from pyskl.inference.recognizer import ActionRecognizer  # noqa: E402
from pyskl.inference.stepwise import make_stream  # noqa: E402
from pyskl.inference.stream import StreamSettings  # noqa: E402
from pyskl.synthetic.scene import make_scene  # noqa: E402

CONFIG = 'stgcn++/stgcn++_ntu60_xsub_hrnet/j'
FILL = 200  # frames until windows and states are filled
ACTIONS = ('walk', 'wave', 'clap', 'kick', 'punch')


class Timed:
    """An object of which some methods accumulate their run time."""

    def __init__(self, inner, *methods: str) -> None:
        self._inner, self._methods, self.seconds = inner, methods, 0.0

    def __getattr__(self, name: str):
        found = getattr(self._inner, name)
        if name not in self._methods:
            return found

        def timed(*args):
            begin = time.process_time()
            result = found(*args)
            self.seconds += time.process_time() - begin
            return result

        return timed


def people(count: int, seconds: float):
    """Generate a scene: ``(P, T, V, 2)`` and ``(P, T, V)``."""
    scene = make_scene(0, [[(ACTIONS[p % len(ACTIONS)], seconds)] for p in range(count)])
    return scene.keypoint, scene.score


def network_part(network, seconds: float, ways: list[str]) -> None:
    """Print the cost of the stream: the median over spans of 8 frames, one window or step of the network each."""
    print('persons                track  windows  network  together   ms per frame; frames per second')
    for count in (1, 5):
        keypoint, score = people(count, seconds)
        for way in ways:
            settings = StreamSettings(hop=8 / 30, nearness=0, stepwise=way == 'stepwise')
            timed = Timed(network, 'scores')
            stream = make_stream(timed, 30, (1080, 1920), settings)
            if way == 'stepwise':
                timed = stream._steps = Timed(stream._steps, 'advance', 'logits')
            stream._tracker = tracker = Timed(stream._tracker, 'update')
            parts = []
            for t in range(keypoint.shape[1]):
                if t % 8 == 0:
                    timed.seconds = tracker.seconds = 0.0
                    begin = time.process_time()
                stream.update((keypoint[:, t], score[:, t]))
                if t % 8 == 7:
                    duration = time.process_time() - begin
                    parts.append((tracker.seconds, duration - timed.seconds - tracker.seconds, timed.seconds, duration))
            median = np.median(parts[FILL // 8 :], axis=0) / 8
            print(
                f'{count:7d} {way:9s} '
                + ' '.join(f'{part * 1e3:8.2f}' for part in median[:3])
                + f' {median[3] * 1e3:9.2f}   {1 / median[3]:.0f}'
            )


def film_parts(network, film: str) -> None:
    """Print the cost of decoding, pose and drawing, separately and together."""
    from pyskl.inference.film_writer import draw_film
    from pyskl.inference.sources import FilmSource
    from pyskl.inference.spool import PeopleSpool

    recognizer = ActionRecognizer.of(network, settings=StreamSettings())
    source = FilmSource(film)
    begin = time.perf_counter()
    frames = list(source)
    decode = time.perf_counter() - begin
    model = recognizer.pose()
    begin = time.perf_counter()
    found = [model.people(frame.image) for frame in frames]
    pose = time.perf_counter() - begin
    begin = time.perf_counter()
    stream = recognizer.stream(source.fps, source.size)
    with tempfile.TemporaryDirectory() as folder:
        spool = PeopleSpool(Path(folder), network.skeleton.num_joints)
        for frame, (keypoint, score) in zip(frames, found, strict=True):
            stream.update((keypoint, score), frame.time)
            spool.add(frame.time, stream.persons, keypoint, score)
        events = stream.finish()
        label = time.perf_counter() - begin
        begin = time.perf_counter()
        path = Path(folder) / 'film.mp4'
        draw_film(path, iter(frames), spool, events, network.skeleton, source.size, source.fps)
        draw = time.perf_counter() - begin
    count = len(frames)
    begin = time.perf_counter()
    list(recognizer.film(film))
    duration = time.perf_counter() - begin
    print(f'{film}: {count} frames {source.size[1]} x {source.size[0]}')
    for name, spent in (('decode', decode), ('pose', pose), ('track + network', label), ('draw + encode', draw)):
        print(f'  {name:18s} {spent / count * 1e3:8.2f} ms per frame')
    print(
        f'  side by side       {duration / count * 1e3:8.2f} ms per frame, {count / duration:.1f} frames/s '
        f'(one after another: {(decode + pose + label) / count * 1e3:.2f}, without starting the pose network)'
    )


def clip_part(config: str, repeats: int) -> None:
    """Print the cost of a clip in inference_recognizer and of its network alone, measured in turn."""
    model, fed = init_recognizer(config), []
    print('persons  inference_recognizer  network   ms per clip, sampled once; ratio')
    for count in (1, 2):
        keypoint, score = people(count, 100 / 30)
        record = {'keypoint': keypoint, 'keypoint_score': score, 'img_shape': (1080, 1920)}
        hook = model.register_forward_pre_hook(lambda _, args, given: fed.append(given), with_kwargs=True)
        inference_recognizer(model, record, clips=1)
        hook.remove()
        whole, alone = [], []
        for _ in range(repeats):
            begin = time.process_time()
            inference_recognizer(model, record, clips=1)
            middle = time.process_time()
            with torch.inference_mode():
                model(**fed[-1])
            whole.append(middle - begin)
            alone.append(time.process_time() - middle)
        first, second = np.median(whole) * 1e3, np.median(alone) * 1e3
        print(f'{count:7d}  {first:20.1f}  {second:7.1f}   {first / second:.2f}', flush=True)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=CONFIG, help=f'default: {CONFIG}')
    parser.add_argument('--seconds', type=float, default=16, help='of the generated people (default: 16)')
    parser.add_argument('--ways', nargs='+', choices=['windows', 'stepwise'], default=['windows', 'stepwise'])
    parser.add_argument('--film', help='measure decoding, pose and drawing on this film')
    parser.add_argument('--clip', action='store_true', help='measure inference_recognizer instead')
    parser.add_argument('--repeats', type=int, default=15, help='with --clip: runs that are timed (default: 15)')
    args = parser.parse_args()
    if args.seconds * 30 < FILL + 8:
        parser.error(f'--seconds must be at least {(FILL + 8) / 30:.1f}: the first windows are not measured')
    torch.set_num_threads(1)
    if args.clip:
        clip_part(args.config, args.repeats)
        return
    network, _ = load_network(args.config, None)
    network_part(network, args.seconds, args.ways)
    if args.film:
        film_parts(network, args.film)


if __name__ == '__main__':
    main()
