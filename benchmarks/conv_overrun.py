"""Find convolution kernels of the installed torch that write out of bounds in forward or backward.

    python benchmarks/conv_overrun.py
    python benchmarks/conv_overrun.py --levels AVX2 --kernels 1x1/2x1 --channels 1 64

Each case (instruction set, kernel and stride, layout) runs in its own process, over all numbers of input
channels; glibc's checked malloc ends it at the first block whose end was overwritten. The process is then
restarted after that number of channels. Linux only. ``pyskl/models/layers/convolution.py`` avoids these kernels.
"""

import argparse
import os
import subprocess
import sys

import torch
from torch import nn

LEVELS = ('DEFAULT', 'AVX2', 'AVX', 'SSE41')  # upper limits on the instruction set of oneDNN
KERNELS = {  # name: kernel, stride, padding
    '1x1': ((1, 1), (1, 1), (0, 0)),
    '1x1/2x1': ((1, 1), (2, 1), (0, 0)),
    '1x1/2x2': ((1, 1), (2, 2), (0, 0)),
    '3x1': ((3, 1), (1, 1), (1, 0)),
    '3x1/2x1': ((3, 1), (2, 1), (1, 0)),
    '9x1': ((9, 1), (1, 1), (4, 0)),
    '9x1/2x1': ((9, 1), (2, 1), (4, 0)),
    '3x1/3x1': ((3, 1), (3, 1), (0, 0)),
    '3x3': ((3, 3), (1, 1), (1, 1)),
    '1x1x1/1x2x2': ((1, 1, 1), (1, 2, 2), (0, 0, 0)),
    '1x3x3/1x2x2': ((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    '3x3x3': ((3, 3, 3), (1, 1, 1), (1, 1, 1)),
    '5x1x1': ((5, 1, 1), (1, 1, 1), (2, 0, 0)),
}
SIZES = {2: ((6, 6), (10, 17), (7, 5)), 3: ((4, 6, 6), (3, 9, 7))}
OUT_CHANNELS = (1, 3, 8, 17, 32)


def exercise(kernel: str, channels_last: bool, first: int, last: int) -> None:
    """Run the convolution with ``first`` to ``last`` input channels; print each number before its run."""
    torch.set_num_threads(1)
    size, stride, padding = KERNELS[kernel]
    convolution, layout = (nn.Conv2d, torch.channels_last) if len(size) == 2 else (nn.Conv3d, torch.channels_last_3d)
    layout = layout if channels_last else torch.contiguous_format
    for channels in range(first, last + 1):
        print(channels, flush=True)
        for out in OUT_CHANNELS:
            conv = convolution(channels, out, size, stride, padding).to(memory_format=layout)
            for maps in SIZES[len(size)]:
                x = torch.randn(2, channels, *maps).contiguous(memory_format=layout).requires_grad_()
                conv(x).sum().backward()


def corrupted(level: str, kernel: str, channels_last: bool, first: int, last: int) -> list[int]:
    """List the numbers of input channels that corrupt the heap."""
    env = {**os.environ, 'ONEDNN_MAX_CPU_ISA': level, 'OMP_NUM_THREADS': '1'}
    env.update(LD_PRELOAD='libc_malloc_debug.so.0', MALLOC_CHECK_='3')
    found = []
    while first <= last:
        command = [sys.executable, __file__, '--case', kernel, str(int(channels_last)), str(first), str(last)]
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode == 0:
            break
        if done.returncode > 0 or not done.stdout:
            raise SystemExit(done.stderr)
        found.append(int(done.stdout.split()[-1]))
        first = found[-1] + 1
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--levels', nargs='+', choices=LEVELS, default=LEVELS)
    parser.add_argument('--kernels', nargs='+', choices=KERNELS, default=KERNELS, help='kernel/stride')
    parser.add_argument('--channels', nargs=2, type=int, default=(1, 32), help='first and last')
    parser.add_argument('--case', nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        kernel, *numbers = args.case
        exercise(kernel, *map(int, numbers))
        return
    print(f'torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}')
    print('| limit | kernel/stride | layout | input channels that corrupt the heap |\n|---|---|---|---|')
    for level in args.levels:
        for kernel in args.kernels:
            for channels_last in (False, True):
                found = corrupted(level, kernel, channels_last, *args.channels)
                layout = 'channels last' if channels_last else 'contiguous'
                print(f'| {level} | {kernel} | {layout} | {", ".join(map(str, found)) or "none"} |', flush=True)


if __name__ == '__main__':
    main()
