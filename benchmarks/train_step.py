"""Time a training step and an evaluation against the network's own convolutions, and against torch's plain layers.

    python benchmarks/train_step.py
    python benchmarks/train_step.py --networks d5 d8 stgcn++ --batch 16 --repeats 9
    python benchmarks/train_step.py --threads 1 --precisions float32 --measures plain step --absent 0.5 0.8 --batch 10

A step is forward, loss, backward and an update of SGD with momentum. Measured in turn with it:

``convs``: every convolution that the step ran, alone: forward and backward, on inputs of the same shape, layout and
precision, with the gradients that the step needs. For an evaluation, the same without backward.
``contiguous``: the same convolutions on contiguous inputs and weights, as in code that does not choose a layout.
``products``: the convolutions and every linear layer and matrix product (with a graph, of an attention).
``plain``: the step of the same network by torch's own layers on contiguous maps, see ``benchmarks/_plain.py``.
``--absent``: the step with that share of the second persons absent, spread over the batch.

All references but ``plain`` lack norms, activations, residuals and the optimizer.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from _networks import NETWORKS
from _plain import plain
from _yardstick import Call, Recorder, contiguous, run
from torch import Tensor, nn

from pyskl.engine.freed_memory import keeping_freed_memory
from pyskl.models import build_model

MEASURES = ('convs', 'contiguous', 'products', 'plain', 'step')


def processor() -> str:
    """Name of the CPU, if the system reports it."""
    info = Path('/proc/cpuinfo')
    names = [x for x in info.read_text().splitlines() if x.startswith('model name')] if info.exists() else []
    return names[0].split(':', 1)[1].strip() if names else platform.processor() or platform.machine()


def without_second(clips: Tensor, share: float) -> Tensor:
    """``(N, clips, M, T, V, C)`` -> same, the second person of ``share`` of the N absent."""
    n = len(clips)
    absent = torch.arange(n) * round(share * n) % n < round(share * n)
    clips = clips.clone()
    clips[absent, :, 1] = 0
    return clips


class Stepper:
    """Steps and evaluations of one recognizer.

    Args:
        model: The recognizer.
        amp: The precision.
        label: ``(N,)``.
    """

    def __init__(self, model: nn.Module, amp: torch.autocast, label: Tensor) -> None:
        self.model, self.amp, self.label = model, amp, label
        trained = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)

    def forward(self, clips: dict[str, Tensor]) -> Tensor:
        """The loss of a batch."""
        with self.amp:
            losses = self.model(**clips, label=self.label, mode='loss')
        return sum(value for key, value in losses.items() if 'loss' in key)

    def run(self, clips: dict[str, Tensor]) -> None:
        """A training step, or the scores of a batch if the network is in evaluation mode."""
        if not self.model.training:
            with torch.inference_mode(), self.amp:
                self.model(**clips, mode='predict')
            return
        self.optimizer.zero_grad(set_to_none=True)
        self.forward(clips).backward()
        self.optimizer.step()


class Bench:
    """One network in one precision on one device.

    Args:
        name: A key of ``NETWORKS``.
        bf16: Whether under bfloat16 autocast.
        device: The device.
        batch: Clips, N.
        measures: Names of ``MEASURES``; ``step`` is always measured.
        absent: Shares of second persons that are absent.
    """

    def __init__(
        self, name: str, bf16: bool, device: torch.device, batch: int, measures: list[str], absent: list[float]
    ) -> None:
        torch.manual_seed(0)
        network = NETWORKS[name]
        self.device = device
        self.measures = measures
        self.amp = torch.autocast(device.type, torch.bfloat16, enabled=bf16)
        model = build_model(network.model()).to(device)
        label = torch.randint(model.cls_head.num_classes, (batch,), device=device)
        self.ours = Stepper(model, self.amp, label)
        self.plain = Stepper(plain(model), self.amp, label) if 'plain' in measures else None
        clips = torch.randn(batch, 1, *network.clip, device=device)
        self.clips = {network.key: clips}
        self.absent = {}
        if network.key == 'keypoint':
            self.absent = {share: {network.key: without_second(clips, share)} for share in absent}

    def calls(self) -> list[Call]:
        """The products of a training step or of an evaluation."""
        with Recorder() as recorder:
            self.ours.forward(self.clips) if self.ours.model.training else self.ours.run(self.clips)
        return recorder.calls

    def bare(self, calls: list[Call]) -> None:
        """Run the products alone, with backward in training mode."""
        with torch.inference_mode(not self.ours.model.training):
            run(calls, self.amp)

    def seconds(self, work: Callable[[], None]) -> float:
        """Time one run of ``work``."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        # The time of one thread excludes other programs on its core.
        clock = time.process_time if self.device.type == 'cpu' and torch.get_num_threads() == 1 else time.perf_counter
        start = clock()
        work()
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return clock() - start

    def turns(self) -> dict[str | float, Callable[[], None]]:
        """The measures, and the shares of absent persons."""
        turns = {}
        if {'convs', 'contiguous', 'products'} & {*self.measures}:
            calls = self.calls()
            convs = [call for call in calls if call.is_convolution]
            dense = contiguous(convs) if 'contiguous' in self.measures else []
            turns = {
                'convs': lambda: self.bare(convs), 'contiguous': lambda: self.bare(dense),
                'products': lambda: self.bare(calls),
            }  # fmt: skip
        if self.plain is not None:
            turns['plain'] = lambda: self.plain.run(self.clips)
        turns = {name: work for name, work in turns.items() if name in self.measures}
        turns['step'] = lambda: self.ours.run(self.clips)
        return {**turns, **{share: partial(self.ours.run, clips) for share, clips in self.absent.items()}}

    def medians(self, repeats: int, training: bool) -> dict[str | float, float]:
        """Median seconds of each of :meth:`turns`, taken in turn."""
        for stepper in (self.ours, self.plain):
            if stepper is not None:
                stepper.model.train(training)
        turns = self.turns()
        for work in turns.values():
            self.seconds(work)  # warm up
        times = {name: [] for name in turns}
        for _ in range(repeats):
            for name, work in turns.items():
                times[name].append(self.seconds(work))
        return {name: statistics.median(values) for name, values in times.items()}


def columns(measures: list[str], absent: list[float]) -> dict[str, Callable[[dict], str]]:
    """Columns of the measures, with a function from medians to a cell; empty if a network lacks the measure."""

    def milliseconds(name: str | float) -> Callable[[dict], str]:
        return lambda t: f'{t[name] * 1e3:.1f}' if name in t else ''

    def ratio(one: str | float, other: str | float) -> Callable[[dict], str]:
        return lambda t: f'{t[one] / t[other]:.2f}' if one in t and other in t else ''

    shares = {share: f'step, {share:.0%} absent' for share in absent}
    cells = {name: milliseconds(name) for name in MEASURES if name in measures}
    cells |= {title: milliseconds(share) for share, title in shares.items()}
    cells |= {f'step / {name}': ratio('step', name) for name in ('products', 'convs') if name in measures}
    if 'plain' in measures:
        cells['plain / step'] = ratio('plain', 'step')
        cells |= {f'plain / {title}': ratio('plain', share) for share, title in shares.items()}
    return cells


def machine(device: torch.device) -> str:
    """Describe the conditions of the measurement in one line."""
    gpu = f', {torch.cuda.get_device_name(device)}' if device.type == 'cuda' else ''
    return f'{processor()}, {torch.get_num_threads()} threads{gpu}, torch {torch.__version__}'


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--batch', type=int, default=8, help='clips per batch, N')
    parser.add_argument('--volumes', type=int, default=2, help='clips per batch of a network on heatmaps')
    parser.add_argument('--repeats', type=int, default=7, help='measurements, of which the median is printed')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--networks', nargs='+', choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument('--precisions', nargs='+', choices=['float32', 'bf16'], default=['float32', 'bf16'])
    parser.add_argument('--modes', nargs='+', choices=['train', 'eval'], default=['train', 'eval'])
    parser.add_argument('--threads', type=int, default=None, help='CPU threads; all cores by default')
    parser.add_argument('--measures', nargs='+', choices=MEASURES, default=list(MEASURES))
    parser.add_argument('--absent', nargs='+', type=float, default=[1.0], help='shares of second persons absent')
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)  # as in training
    device = torch.device(args.device)
    print(machine(device))
    print(f'milliseconds, median of {args.repeats} in turn; see the head of {Path(__file__).name} for the columns')
    print()
    measures = [*args.measures, *(['step'] if 'step' not in args.measures else [])]
    cells = columns(measures, args.absent)
    head = ['network', 'clip', 'N', 'precision', 'mode', *cells, 'clips/s']
    print('|', ' | '.join(head), '|')
    print('|---' * len(head), end='|\n')
    with keeping_freed_memory(device):  # as in training
        rows(args, device, measures, cells)


def rows(
    args: argparse.Namespace, device: torch.device, measures: list[str], cells: dict[str, Callable[[dict], str]]
) -> None:
    """Measure every network and print its rows."""
    for name in args.networks:
        clip = 'x'.join(map(str, NETWORKS[name].clip))
        batch = args.batch if NETWORKS[name].key == 'keypoint' else args.volumes
        for precision in args.precisions:
            bench = Bench(name, precision == 'bf16', device, batch, measures, args.absent)
            for mode in args.modes:
                t = bench.medians(args.repeats, mode == 'train')
                row = [name, clip, str(batch), precision, mode, *(cell(t) for cell in cells.values())]
                print('|', ' | '.join([*row, f'{batch / t["step"]:.1f}']), '|', flush=True)


if __name__ == '__main__':
    main()
