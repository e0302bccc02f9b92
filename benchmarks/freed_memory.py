"""Measure what returning freed memory to the system costs a training step on a CPU.

    python benchmarks/freed_memory.py --networks stgcn++ ctrgcn --batch 10

Every network is trained in a process of its own, in turn as the C library manages memory by default and with
``pyskl/engine/freed_memory.py``. Printed, as medians per step: processor time of the program and of the kernel, pages
that the kernel cleared, and the largest resident memory of the process.
"""

import argparse
import multiprocessing
import resource
import statistics
from contextlib import nullcontext

import torch
from _networks import NETWORKS
from train_step import Bench, machine

from pyskl.engine.freed_memory import keeping_freed_memory


def steps(name: str, batch: int, count: int, keep: bool) -> list[tuple[float, float, int, int]]:
    """Train ``name`` for ``count`` steps after a first one.

    Returns:
        Of each step, seconds of the program and of the kernel, pages, and MiB of resident memory so far.
    """
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as in training
    cpu = torch.device('cpu')
    found = []
    with keeping_freed_memory(cpu) if keep else nullcontext():
        bench = Bench(name, False, cpu, batch, ['step'], [])
        bench.ours.run(bench.clips)
        before = resource.getrusage(resource.RUSAGE_SELF)
        for _ in range(count):
            bench.ours.run(bench.clips)
            now = resource.getrusage(resource.RUSAGE_SELF)
            pages = now.ru_minflt - before.ru_minflt
            seconds = now.ru_utime - before.ru_utime, now.ru_stime - before.ru_stime
            found.append((*seconds, pages, now.ru_maxrss >> 10))
            before = now
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--networks', nargs='+', choices=NETWORKS, default=['stgcn++', 'ctrgcn', 'd5', 'slowonly'])
    parser.add_argument('--batch', type=int, default=10, help='clips per batch, N')
    parser.add_argument('--volumes', type=int, default=2, help='clips per batch of a network on heatmaps')
    parser.add_argument('--steps', type=int, default=4, help='steps of each process')
    parser.add_argument('--rounds', type=int, default=3, help='processes with and without')
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(machine(torch.device('cpu')), end='\n\n')
    print('| network | N | freed memory | program, s | kernel, s | pages | resident, MiB |\n' + '|---' * 7 + '|')
    for name in args.networks:
        batch = args.batch if NETWORKS[name].key == 'keypoint' else args.volumes
        found = {False: [], True: []}
        for _ in range(args.rounds):
            for keep, rows in found.items():
                with multiprocessing.get_context('spawn').Pool(1) as pool:
                    rows += pool.apply(steps, (name, batch, args.steps, keep))
        for keep, rows in found.items():
            program, kernel, pages, resident = map(statistics.median, zip(*rows, strict=True))
            cells = [name, batch, 'kept' if keep else 'returned', f'{program:.2f}', f'{kernel:.2f}']
            print('| ' + ' | '.join(map(str, [*cells, f'{pages:.0f}', f'{resident:.0f}'])) + ' |', flush=True)


if __name__ == '__main__':
    main()
