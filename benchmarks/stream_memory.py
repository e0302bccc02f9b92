"""Measure the memory of a process that labels a camera for a day, per hour.

    python benchmarks/stream_memory.py                          # 3 frames per second: 24 hours in 10 minutes
    python benchmarks/stream_memory.py --hours 2 --fps 15 --hop 1 --out day

The frames and people are generated: three persons, each absent in one minute of four. Everything else is what
`pyskl predict 0 --out` runs: threads, tracking, windows, a small ST-GCN++ with random weights, events and scores
written to files. There is no film.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np  # noqa: E402
import torch  # noqa: E402

from pyskl.inference.frames import Frame  # noqa: E402
from pyskl.inference.live import label_live  # noqa: E402
from pyskl.inference.network import load_network  # noqa: E402
from pyskl.inference.recognizer import ActionRecognizer  # noqa: E402
from pyskl.inference.stream import StreamSettings  # noqa: E402
from pyskl.synthetic.scene import make_scene  # noqa: E402

CONFIG = 'configs/quickstart/stgcn++.py'
PERSONS = 3
ACTIONS = ('walk', 'wave', 'clap')


class Day:
    """A camera that returns blank images, and the pose estimator that finds the generated people in them.

    ``live`` is False so that no frame is skipped.

    Args:
        hours: Duration, hours.
        fps: Frames per second.
    """

    live, layout, size, name = False, 'coco', (1080, 1920), 'generated'

    def __init__(self, hours: float, fps: float) -> None:
        self.fps, self.frames, self.notes = fps, round(hours * 3600 * fps), []
        scene = make_scene(0, [[(action, 20.0)] for action in ACTIONS], fps)
        self._keypoint, self._score = scene.keypoint, scene.score
        self._number, self._begin, self.events = 0, time.perf_counter(), 0
        self._cpu = time.process_time()

    def __iter__(self) -> Iterator[Frame]:
        blank = np.zeros((*self.size, 3), np.uint8)
        for number in range(self.frames):
            yield Frame(number / self.fps, blank)

    def people(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the people of the next frame; print the memory once per hour."""
        t, minute = self._number % self._keypoint.shape[1], int(self._number / self.fps / 60)
        here = [p for p in range(PERSONS) if (minute + p) % 4]
        self._number += 1
        if self._number % round(3600 * self.fps) == 0 or self._number == self.frames:
            self.print_memory()
        return self._keypoint[here, t], self._score[here, t]

    def print_memory(self) -> None:
        """Print the resident memory of this process."""
        pages = int(Path('/proc/self/statm').read_text().split()[1])
        spent = time.process_time() - self._cpu
        print(
            f'{self._number / self.fps / 3600:6.2f} h: {pages * resource.getpagesize() / 2**20:6.1f} MB resident, '
            f'{self.events:6d} events, {spent / self._number * 1e3:.2f} ms of processor time per frame',
            flush=True,
        )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--config', default=CONFIG, help=f'default: {CONFIG}')
    parser.add_argument('--hours', type=float, default=24, help='default: 24')
    parser.add_argument('--fps', type=float, default=3, help='default: 3')
    parser.add_argument('--hop', type=float, default=4, metavar='S', help='seconds between labels (default: 4)')
    parser.add_argument('--out', type=Path, metavar='DIR', help='folder for events and scores (default: temporary)')
    args = parser.parse_args()
    torch.set_num_threads(1)
    network, _ = load_network(args.config, None)
    day = Day(args.hours, args.fps)
    # Random weights: no label would be certain enough.
    recognizer = ActionRecognizer.of(network, day, StreamSettings(hop=args.hop, threshold=0.0))
    with tempfile.TemporaryDirectory() as folder:
        for _ in label_live(recognizer, day, args.out or folder, film=False):
            day.events += 1
    print('results written: ', end='')
    day.print_memory()


if __name__ == '__main__':
    main()
