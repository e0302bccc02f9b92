"""Measure the MB/s at which one core reads ``.skeleton`` text of NTU RGB+D: ``python benchmarks/ntu_text.py``.

The text is generated in the exact format: lines, digits and ids as published, clips of 40 to 120 frames, the last ten
of 60 actions with two persons. Timed are the steps of ``tools/data/ntu.py`` for a file in the page cache:
reading, parsing, and choosing the actors. The clock counts the processor time of this process. The reference is
``float`` on every field.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pyskl.converters.ntu_denoise import choose_actors  # noqa: E402
from pyskl.converters.ntu_skeleton import parse_skeleton  # noqa: E402
from tests.ntu_text import clip_text  # noqa: E402

FRAMES = (40, 120)
ACTIONS, ALONE = 60, 50


def write_files(folder: Path, count: int) -> list[Path]:
    """Generate ``count`` clips."""
    paths = []
    for i in range(count):
        frames = FRAMES[0] + i * 37 % (FRAMES[1] - FRAMES[0] + 1)
        paths.append(folder / f'{i:04d}.skeleton')
        paths[-1].write_bytes(clip_text(frames, 1 if i % ACTIONS < ALONE else 2, seed=i))
    return paths


def measure(work: Callable[[Path], object], paths: list[Path], repeats: int) -> float:
    """Return MB/s, the best of ``repeats``."""
    size, best = sum(path.stat().st_size for path in paths) / 1e6, 0.0
    for _ in range(repeats):
        start = time.process_time()
        for path in paths:
            work(path)
        best = max(best, size / (time.process_time() - start))
    return best


def parse_file(path: Path) -> object:
    return choose_actors(*parse_skeleton(path.read_bytes()))


def parsed(path: Path) -> object:
    return parse_skeleton(path.read_bytes())


def every_field(path: Path) -> object:
    return [float(field) for field in path.read_bytes().split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--files', type=int, default=120)
    parser.add_argument('--repeats', type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), args.files)
        size = sum(path.stat().st_size for path in paths) / 1e6
        print(
            f'{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {len(paths)} files, {size:.0f} MB'
        )
        for name, work in (
            ('parse and choose actors', parse_file),
            ('parse', parsed),
            ('float() a field', every_field),
        ):
            print(f'{name:24} {measure(work, paths, args.repeats):6.0f} MB/s')


if __name__ == '__main__':
    main()
