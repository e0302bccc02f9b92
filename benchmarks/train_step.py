"""Time a training step and an evaluation against the network's own convolutions and matrix products alone.

    python benchmarks/train_step.py
    python benchmarks/train_step.py --networks d5 d8 stgcn++ --batch 16 --repeats 9

A step is forward, loss, backward and an update of SGD with momentum. The yardstick, measured in turn with it, is every
convolution, linear layer and matrix product (with a graph, of an attention) that the step ran, alone: forward and
backward, on inputs of the same shape, layout and precision, with the gradients that the step asks of it. That of an
evaluation is the same without backward. Nothing else is in it: no norm, no activation, no residual, no optimizer.
Beside it the convolutions without the matrix products.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from _networks import NETWORKS
from _yardstick import Call, Recorder, run
from torch import Tensor

from pyskl.models import build_model


def processor() -> str:
    """Name of the CPU, if the system reports it."""
    info = Path('/proc/cpuinfo')
    names = [x for x in info.read_text().splitlines() if x.startswith('model name')] if info.exists() else []
    return names[0].split(':', 1)[1].strip() if names else platform.processor() or platform.machine()


class Bench:
    """One network in one precision on one device.

    Args:
        name: A key of ``NETWORKS``.
        bf16: Whether under bfloat16 autocast.
        device: The device.
        batch: Clips, N.
    """

    def __init__(self, name: str, bf16: bool, device: torch.device, batch: int) -> None:
        torch.manual_seed(0)
        network = NETWORKS[name]
        self.device = device
        self.amp = torch.autocast(device.type, torch.bfloat16, enabled=bf16)
        self.model = build_model(network.model()).to(device)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=1e-3, momentum=0.9, nesterov=True, weight_decay=5e-4)
        clips = torch.randn(batch, 1, *network.clip, device=device)
        self.clips = {network.key: clips}
        self.half_absent = None
        if network.key == 'keypoint':
            self.half_absent = {network.key: clips.clone()}
            self.half_absent[network.key][:, :, 1::2] = 0
        self.label = torch.randint(self.model.cls_head.num_classes, (batch,), device=device)

    def forward(self) -> Tensor:
        """The loss of a batch."""
        with self.amp:
            losses = self.model(**self.clips, label=self.label, mode='loss')
        return sum(value for key, value in losses.items() if 'loss' in key)

    def step(self) -> None:
        """A training step."""
        self.optimizer.zero_grad(set_to_none=True)
        self.forward().backward()
        self.optimizer.step()

    def evaluate(self, clips: dict[str, Tensor]) -> None:
        """Scores of a batch; the network is in evaluation mode."""
        with torch.inference_mode(), self.amp:
            self.model(**clips, mode='predict')

    def calls(self, training: bool) -> list[Call]:
        """The products of a training step or of an evaluation."""
        self.model.train(training)
        with Recorder() as recorder:
            self.forward() if training else self.evaluate(self.clips)
        return recorder.calls

    def bare(self, calls: list[Call]) -> None:
        """Run the products alone, with backward in training mode."""
        with torch.inference_mode(not self.model.training):
            run(calls, self.amp)

    def seconds(self, work: Callable[[], None]) -> float:
        """Time one run of ``work``."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        # One thread's own time does not count what other programs take of its core.
        clock = time.process_time if self.device.type == 'cpu' and torch.get_num_threads() == 1 else time.perf_counter
        start = clock()
        work()
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return clock() - start

    def medians(self, repeats: int, training: bool) -> dict[str, float]:
        """Median seconds of each measure, taken in turn: ``bare``, ``convs``, ``step`` and, of evaluation, ``half``."""
        calls = self.calls(training)
        convs = [call for call in calls if call.is_convolution]
        turns = {'bare': lambda: self.bare(calls), 'convs': lambda: self.bare(convs)}
        if training:
            turns['step'] = self.step
        else:
            turns['step'] = lambda: self.evaluate(self.clips)
            if self.half_absent is not None:
                turns['half'] = lambda: self.evaluate(self.half_absent)
        for work in turns.values():
            self.seconds(work)  # warm up
        times = {name: [] for name in turns}
        for _ in range(repeats):
            for name, work in turns.items():
                times[name].append(self.seconds(work))
        return {name: statistics.median(values) for name, values in times.items()}


def machine(device: torch.device) -> str:
    """Describe the conditions of the measurement in one line."""
    gpu = f', {torch.cuda.get_device_name(device)}' if device.type == 'cuda' else ''
    return f'{processor()}, {torch.get_num_threads()} threads{gpu}, torch {torch.__version__}'


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--batch', type=int, default=8, help='clips a batch, N')
    parser.add_argument('--volumes', type=int, default=2, help='clips a batch of a network on heatmaps')
    parser.add_argument('--repeats', type=int, default=7, help='measurements, of which the median is printed')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--networks', nargs='+', choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument('--precisions', nargs='+', choices=['float32', 'bf16'], default=['float32', 'bf16'])
    parser.add_argument('--modes', nargs='+', choices=['train', 'eval'], default=['train', 'eval'])
    parser.add_argument('--threads', type=int, default=None, help='CPU threads; all cores by default')
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)  # as training has it
    device = torch.device(args.device)
    print(machine(device))
    print(f'milliseconds, median of {args.repeats} in turn')
    print('convs: convolutions alone; products: with the matrix products; half: every other person of a clip absent')
    print()
    columns = 'network, clip, N, precision, mode, convs, products, step, / products, / convs, half / full, clips/s'
    print('|', ' | '.join(columns.split(', ')), '|')
    print('|---' * len(columns.split(', ')), end='|\n')
    for name in args.networks:
        clip = NETWORKS[name].clip
        batch = args.batch if NETWORKS[name].key == 'keypoint' else args.volumes
        for precision in args.precisions:
            bench = Bench(name, precision == 'bf16', device, batch)
            for mode in args.modes:
                t = bench.medians(args.repeats, mode == 'train')
                half = f'{t["half"] / t["step"]:.2f}' if 'half' in t else ''
                print(
                    f'| {name} | {"x".join(map(str, clip))} | {batch} | {precision} | {mode} | {t["convs"] * 1e3:.1f} '
                    f'| {t["bare"] * 1e3:.1f} | {t["step"] * 1e3:.1f} | {t["step"] / t["bare"]:.2f} '
                    f'| {t["step"] / t["convs"]:.2f} | {half} | {batch / t["step"]:.1f} |',
                    flush=True,
                )


if __name__ == '__main__':
    main()
