"""Time every kind of convolution of a network, contiguous and channels last, by torch's layer and by ours.

    OMP_NUM_THREADS=1 python benchmarks/conv_layouts.py --networks stgcn++ ctrgcn

A kind is a combination of weight shape, stride, dilation, groups and input shape in the network run by
``benchmarks/_plain.py``. Printed: ms of processor time of forward and backward, median of ``--repeats`` interleaved
runs. The rules of ``pyskl/models/layers/convolution.py`` and ``convolution3d.py`` follow from such tables; nothing is
timed in training.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable

import torch
from _networks import NETWORKS
from _plain import plain
from torch import Tensor, nn

from pyskl.models import build_model
from pyskl.models.layers.convolution import Conv2d
from pyskl.models.layers.convolution3d import Conv3d

LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
OURS = {nn.Conv2d: Conv2d, nn.Conv3d: Conv3d}


def kinds(name: str, batch: int) -> Counter:
    """Count the kinds of a network: ``(layer type, arguments, bias, input size, gradient of input)``."""
    network = NETWORKS[name]
    model = plain(build_model(network.model()))
    found = Counter()

    def note(conv: nn.Conv2d | nn.Conv3d, inputs: tuple[Tensor]) -> None:
        arguments = (
            conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, conv.dilation,
            conv.groups, conv.bias is not None,
        )  # fmt: skip
        found[type(conv), arguments, tuple(inputs[0].shape), inputs[0].requires_grad] += 1

    for module in model.modules():
        if type(module) in OURS:
            module.register_forward_pre_hook(note)
    clips = torch.randn(batch, 1, *network.clip)
    model(**{network.key: clips}, label=torch.zeros(batch, dtype=torch.long), mode='loss')
    return found


def turn(layer: nn.Module, size: tuple[int, ...], needs_grad: bool, last: bool) -> Callable[[], None]:
    """Run forward and backward of one layer."""
    layout = LAST[len(size)] if last else torch.contiguous_format
    layer = layer.to(memory_format=layout)
    x = torch.randn(size).contiguous(memory_format=layout).requires_grad_(needs_grad)
    wanted = [*layer.parameters(), *([x] if needs_grad else [])]
    grad = torch.randn_like(layer(x))  # in the layout of the output

    return lambda: torch.autograd.grad(layer(x), wanted, grad)


def is_unsafe(arguments: tuple) -> bool:
    """Whether torch's channels-last kernel may write past a buffer, see ``benchmarks/conv_overrun.py``."""
    in_channels, _, kernel, stride, *_ = arguments
    return in_channels % 64 != 0 and any(k == 1 and s > 1 for k, s in zip(kernel, stride, strict=True))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--networks', nargs='+', choices=NETWORKS, default=['stgcn++', 'ctrgcn'])
    parser.add_argument('--batch', type=int, default=8, help='clips per batch, N; 1 for networks on heatmaps')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    print('network, in, out, kernel, stride, dilation, groups, size, times, first, last, ours first, ours last')
    for name in args.networks:
        batch = args.batch if NETWORKS[name].key == 'keypoint' else 1
        for (kind, arguments, size, needs_grad), count in kinds(name, batch).items():
            *options, bias = arguments
            layers = {
                (ours, last): turn(layer(*options, bias=bias), size, needs_grad, last)
                for ours, layer in ((False, kind), (True, OURS[kind]))
                for last in (False, True)
                if ours or not last or not is_unsafe(arguments)
            }
            times = {key: [] for key in layers}
            for repeat in range(args.repeats + 1):
                for key, work in layers.items():
                    start = time.process_time()
                    work()
                    if repeat:  # the first run is a warm-up
                        times[key].append(time.process_time() - start)
            shown = [
                f'{statistics.median(times[key]) * 1e3:.1f}' if key in times else '-'
                for key in ((False, False), (False, True), (True, False), (True, True))
            ]
            channels_in, out, kernel, stride, _, dilation, groups = options
            print(f'{name}, {channels_in}, {out}, {kernel}, {stride}, {dilation}, {groups}, {size}, {count}, ', end='')
            print(', '.join(shown), flush=True)


if __name__ == '__main__':
    main()
