"""Measure the memory of a dataset with several workers and ranks: ``python benchmarks/memory.py``.

Writes an annotation file, opens it in one or more processes with some workers each, reads it completely in all of them,
and adds up their proportional set sizes (``Pss`` of ``/proc/PID/smaps_rollup``: a page shared by n processes counts 1/n
for each, so that the sum is the memory in use). The memory of a process without data (Python, torch) is measured in the
same way on a file of a few records and subtracted. Linux only.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import write_annotations

PERSONS, FRAMES, JOINTS = 2, 300, 17
SETUPS = ((1, 0), (1, 8), (4, 2))  # processes, workers of each


class Touched:
    """A dataset whose samples are sums: every page is read, nothing is stored."""

    def __init__(self, path: str) -> None:
        self.dataset = PoseDataset(path)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> float:
        record = self.dataset[index]
        return float(record['keypoint'].view(np.uint16).sum() + record['keypoint_score'].view(np.uint16).sum())


def pages(pid: int) -> dict[str, float]:
    """MiB by kind, as reported by the kernel for one process."""
    lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()[1:]
    return {line.split(':')[0]: int(line.split()[1]) / 1024 for line in lines}


def children(pid: int) -> list[int]:
    """List the child processes of ``pid``."""
    found = []
    for task in Path(f'/proc/{pid}/task').iterdir():
        found += map(int, (task / 'children').read_text().split())
    return found


def read_wholly(path: str, workers: int, ready: str, done: str) -> None:
    """Run one process: every worker reads every record, then all wait for the measurement."""
    dataset = Touched(path)
    order = [i for i in range(len(dataset)) for _ in range(max(1, workers))]  # batches are distributed round-robin
    loader = DataLoader(dataset, batch_size=1, sampler=order, num_workers=workers, persistent_workers=workers > 0)
    for _ in loader:
        pass
    Path(ready).touch()
    while not Path(done).exists():
        time.sleep(0.05)


def measure(path: str, processes: int, workers: int, folder: str) -> tuple[float, float]:
    """Return in MiB the sum over all processes, and the mean private memory of a worker (or process)."""
    done = Path(folder) / 'done'
    done.unlink(missing_ok=True)
    flags = [Path(folder) / f'ready{rank}' for rank in range(processes)]
    for flag in flags:
        flag.unlink(missing_ok=True)
    command = [sys.executable, '-W', 'ignore', __file__, '--read', path, str(workers)]
    running = [subprocess.Popen([*command, str(flag), str(done)]) for flag in flags]
    try:
        while not all(flag.exists() for flag in flags):
            if any(process.poll() is not None for process in running):
                raise RuntimeError('a measured process ended early')
            time.sleep(0.05)
        descendants = [child for process in running for child in children(process.pid)]
        found = [pages(pid) for pid in (*(process.pid for process in running), *descendants)]
    finally:
        done.touch()
        for process in running:
            process.wait()
    alone = [p['Private_Clean'] + p['Private_Dirty'] for p in (found[processes:] or found)]
    return sum(p['Pss'] for p in found), sum(alone) / len(alone)


def write_random(path: str, records: int) -> float:
    """Write an annotation file of random records; return the MiB of its arrays."""
    random = np.random.RandomState(0)
    shape = (PERSONS, FRAMES, JOINTS)
    annotations = [
        {
            'frame_dir': f'S{i:06d}',
            'label': i % 60,
            'total_frames': FRAMES,
            'img_shape': (1080, 1920),
            'keypoint': random.rand(*shape, 2).astype(np.float16),
            'keypoint_score': random.rand(*shape).astype(np.float16),
        }
        for i in range(records)
    ]
    write_annotations(path, annotations)
    return sum(a['keypoint'].nbytes + a['keypoint_score'].nbytes for a in annotations) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--mib', type=int, default=500, help='size of the data')
    parser.add_argument('--read', nargs=4, metavar=('FILE', 'WORKERS', 'READY', 'DONE'), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read_wholly(args.read[0], int(args.read[1]), *args.read[2:])
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PYSKL_CACHE'] = os.path.join(folder, 'cache')
        small, large = os.path.join(folder, 'small.pkl'), os.path.join(folder, 'large.pkl')
        write_random(small, 8)
        size = write_random(large, args.mib * 2**20 // (PERSONS * FRAMES * JOINTS * 3 * 2))
        for path in (small, large):
            start = time.perf_counter()
            PoseDataset(path)
            built = time.perf_counter() - start
            start = time.perf_counter()
            PoseDataset(path)
            opened = time.perf_counter() - start
        results = {}
        for processes, workers in SETUPS:
            base, base_alone = measure(small, processes, workers, folder)
            total, alone = measure(large, processes, workers, folder)
            results[processes, workers] = total - base, alone - base_alone
    print(f'data {size:.0f} MiB; first opening {built:.2f} s, the next {1000 * opened:.0f} ms')
    print(
        f'{"processes":>9s} {"workers each":>12s} {"all, of the data":>17s} {"a worker adds":>14s} {"holds alone":>12s}'
    )
    alone_in_memory = results[SETUPS[0]][0]
    for (processes, workers), (total, alone) in results.items():
        more = processes * (1 + workers) - 1
        adds = f'{100 * (total - alone_in_memory) / more / size:13.1f}%' if more else f'{"":14s}'
        print(f'{processes:9d} {workers:12d} {100 * total / size:16.1f}% {adds} {100 * alone / size:11.1f}%')


if __name__ == '__main__':
    main()
