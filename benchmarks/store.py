"""Measure the cost of a record store: ``python benchmarks/store.py --clips 1000000 --folder /tmp/store``.

Clips of NTU RGB+D's shape (one or two persons, 30 to 300 frames, mean 80, 25 joints, 3 coordinates, float16) are
generated, written as an annotation pickle and packed; twice about 22 KB per clip. Then, in separate processes:

* building: time and peak memory of the process that packs;
* opening: time until a data set on the training split is ready, with joints, classes and coordinates checked;
* sharing: memory of all ranks and workers, as summed PSS (Linux) before and after they open it; shared pages count
  once;
* reading: gathering and casting frames of a record, from the store and from a list of dicts in memory, interleaved;
* cold reading: random records after the system has dropped its pages of the store (Linux).
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.pickle_stream import PickleWriter
from pyskl.datasets.records.store import RecordStore
from pyskl.datasets.records.store_writer import pack_annotations
from pyskl.files import replacing

CLASSES = 60
CLIP_LEN = 100
READ = 2000  # records for the interleaved reading
TURNS = 11
COLD = 256  # records for the cold reading


def make_pickle(path: Path, clips: int) -> None:
    """Write the pickle; the joints of each clip are a part of one long random walk."""
    random = np.random.RandomState(0)
    walk = random.randn(1 << 20).cumsum().astype(np.float32)
    walk = np.tile((walk / np.abs(walk).max() * 3).astype(np.float16), 2)
    lengths = np.clip(random.gamma(4, 13, clips) + 30, 30, 300).astype(int)
    persons, starts = random.randint(1, 3, clips), random.randint(0, 1 << 20, clips)
    names = []
    with replacing(path) as file:
        writer = PickleWriter(file)
        for i, (frames, count, start) in enumerate(
            zip(lengths.tolist(), persons.tolist(), starts.tolist(), strict=True)
        ):
            names.append(f'S{i // 40000:03d}C{i % 3:03d}P{i % 40:03d}R002A{i % CLASSES:03d}-{i:07d}')
            keypoint = walk[start : start + count * frames * 75].reshape(count, frames, 25, 3)
            writer.add({'frame_dir': names[-1], 'label': i % CLASSES, 'total_frames': frames, 'keypoint': keypoint})
        cut = clips * 7 // 10
        writer.finish({'xsub_train': names[:cut], 'xsub_val': names[cut:]})


def build(folder: Path) -> dict:
    """Pack the pickle."""
    start, busy = time.perf_counter(), time.process_time()
    helpers = _processor(resource.getrusage(resource.RUSAGE_CHILDREN))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with replacing(folder / 'x.skl') as file:
        pack_annotations(folder / 'x.pkl', file)
    return {
        'seconds': time.perf_counter() - start,
        'busy': time.process_time() - busy,
        'helpers': _processor(resource.getrusage(resource.RUSAGE_CHILDREN)) - helpers,
        'before': before * 1024,
        'most': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _processor(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def open_dataset(folder: Path) -> PoseDataset:
    """Open and check the training split, like training does."""
    dataset = PoseDataset(folder / 'x.skl', split='xsub_train', num_classes=CLASSES)
    dataset.check(num_joints=25, num_classes=CLASSES, dims=3)
    return dataset


def timed_opening(folder: Path) -> dict:
    """Open the store, and a data set on it."""
    start = time.perf_counter()
    clips = len(RecordStore(folder / 'x.skl'))
    middle = time.perf_counter()
    dataset = open_dataset(folder)
    return {'clips': clips, 'store': middle - start, 'dataset': time.perf_counter() - middle, 'train': len(dataset)}


def share(folder: Path, workers: int) -> None:
    """One rank: opens the data on request, forks its workers, and reports its process ids each time."""
    for opens in (False, True):
        sys.stdin.readline()
        dataset = open_dataset(folder) if opens else None
        read, write = os.pipe()
        children = []
        for worker in range(workers):
            pid = os.fork()
            if pid == 0:
                os.close(write)
                if dataset is not None:
                    dataset.record(worker)
                os.read(read, 1)  # until the rank closes the pipe
                os._exit(0)
            children.append(pid)
        os.close(read)
        time.sleep(1)
        print(json.dumps([os.getpid(), *children]), flush=True)
        sys.stdin.readline()
        os.close(write)
        for pid in children:
            os.waitpid(pid, 0)


def pss(pids: list[int]) -> int:
    """Memory of processes in bytes, with shared pages divided among their processes."""
    total = 0
    for pid in pids:
        lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith('Pss:')) * 1024
    return total


def shared(folder: Path, ranks: int, workers: int) -> tuple[int, int]:
    """Summed PSS of all ranks and workers without the data set and with it."""
    command = [sys.executable, __file__, '--folder', folder, '--workers', str(workers), '--part', 'share']
    pipe = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'text': True}
    processes = [subprocess.Popen(command, **pipe) for _ in range(ranks)]

    def tell_all() -> None:
        for process in processes:
            process.stdin.write('\n')
            process.stdin.flush()

    found = []
    for _ in range(2):
        tell_all()
        found.append(pss([pid for process in processes for pid in json.loads(process.stdout.readline())]))
        tell_all()
    for process in processes:
        process.wait()
    return tuple(found)


def reading(folder: Path) -> dict:
    """Microseconds per record, medians over turns."""
    store = RecordStore(folder / 'x.skl')
    checked = RecordStore(folder / 'x.skl', verify=True)
    random = np.random.RandomState(1)
    numbers = random.randint(0, len(store), READ).tolist()
    memory = {}
    for number in numbers:
        record = store.record(number)
        memory[number] = {key: x.copy() if isinstance(x, np.ndarray) else x for key, x in record.items()}
    frames = {number: np.sort(random.randint(0, memory[number]['total_frames'], CLIP_LEN)) for number in numbers}
    sources = {'memory': lambda i: dict(memory[i]), 'store': store.record, 'verified': checked.record}
    times = {name: [] for name in sources}
    for _ in range(TURNS):
        for name, source in sources.items():
            start = time.process_time()
            for number in numbers:
                source(number)['keypoint'].take(frames[number], axis=1).astype(np.float32)
            times[name].append((time.process_time() - start) / READ * 1e6)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def cold(folder: Path) -> dict:
    """Read records at random after the system has dropped its pages of the file (Linux)."""
    store = RecordStore(folder / 'x.skl')
    numbers = np.random.RandomState(2).randint(0, len(store), COLD).tolist()
    blocks = sum(len(store._block(number, False)[1]) for number in numbers)
    os.fsync(store._file)
    os.posix_fadvise(store._file, 0, 0, os.POSIX_FADV_DONTNEED)

    def from_disk() -> int:
        return int(Path('/proc/self/io').read_text().split('\nread_bytes: ')[1].split()[0])

    before, start = from_disk(), time.perf_counter()
    for number in numbers:
        store.record(number)
    return {'seconds': time.perf_counter() - start, 'disk': from_disk() - before, 'blocks': blocks}


def part(folder: Path, name: str) -> dict:
    """Run a measurement in another process and return its figures."""
    command = [sys.executable, __file__, '--folder', folder, '--part', name]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--clips', type=int, default=20000, help='how many (default: 20000)')
    parser.add_argument('--folder', type=Path, required=True, help='for the files; those that are there are used again')
    parser.add_argument('--ranks', type=int, default=4, help='processes that open the data set (default: 4)')
    parser.add_argument('--workers', type=int, default=8, help='workers that each of them forks (default: 8)')
    parser.add_argument('--part', choices=['build', 'open', 'share', 'read', 'cold'], help=argparse.SUPPRESS)
    args = parser.parse_args()
    own = {'build': build, 'open': timed_opening, 'read': reading, 'cold': cold}
    if args.part == 'share':
        share(args.folder, args.workers)
        return
    if args.part:
        print(json.dumps(own[args.part](args.folder)))
        return
    args.folder.mkdir(parents=True, exist_ok=True)
    source, target, mb = args.folder / 'x.pkl', args.folder / 'x.skl', 1e6
    if not source.exists() and not target.exists():
        make_pickle(source, args.clips)
    if not target.exists():
        built = part(args.folder, 'build')
        size = source.stat().st_size
        print(f'pickle            {size / mb:.0f} MB')
        print(f'building          {built["seconds"]:.1f} s, {size / built["seconds"] / mb:.0f} MB/s')
        print(f'  processor       {built["busy"]:.1f} s in the process that writes, {built["helpers"]:.1f} s in others')
        print(f'  most memory     {built["most"] / mb:.0f} MB, of which {built["before"] / mb:.0f} MB before')
    opened = [part(args.folder, 'open') for _ in range(5)]
    store, dataset = (statistics.median(found[key] for found in opened) for key in ('store', 'dataset'))
    print(f'store             {opened[0]["clips"]} clips, {target.stat().st_size / mb:.0f} MB')
    print(f'opening           {store * 1e3:.1f} ms; a data set of {opened[0]["train"]} clips {dataset * 1e3:.0f} ms')
    before, after = shared(args.folder, args.ranks, args.workers)
    print(f'{args.ranks} ranks, {args.workers} workers each: PSS {before / mb:.0f} MB before, {after / mb:.0f} MB open')
    print(f'  of the store    {(after - before) / mb:.0f} MB')
    times = part(args.folder, 'read')
    for name, label in (('memory', 'a dict in memory'), ('store', 'the store'), ('verified', 'checksums compared')):
        print(f'reading {times[name]:6.1f} us  {times[name] / times["memory"]:.2f}  {label}')
    found = part(args.folder, 'cold')
    disk, blocks = found['disk'] / mb, found['blocks'] / mb
    print(f'{COLD} records, cold  {disk:.1f} MB from disk for {blocks:.1f} MB, {found["seconds"]:.2f} s')


if __name__ == '__main__':
    main()
