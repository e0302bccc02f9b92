"""Time of a training step and of an evaluation, against the network's own convolutions alone.

    python benchmarks/train_step.py
    python benchmarks/train_step.py --networks d5 d8 stgcn++ --batch 16 --repeats 9

A step is forward, loss, backward and an update of SGD with momentum. The yardstick, measured in turn with it, is every
convolution that the step ran (Conv2d and the Conv3d of Ske2Grid's head), alone: forward and backward, on inputs of the
same values, shape, layout and precision, with the gradients that the step asks of it. Nothing else is in it: no norm,
no activation, no residual, no product with a graph, no optimizer.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from pyskl.models import build_model

NUM_CLASSES = 60


def _ske2grid(side: int) -> dict:
    sequence = [17] + [n * n for n in range(5, side)]
    backbone = {
        'type': 'Ske2Grid',
        'graph_cfg': {'layout': 'coco'},
        'grid_shape': (side, side),
        'progressive_joint_seq': sequence,
    }
    head = {'type': 'GridHead', 'num_classes': NUM_CLASSES, 'in_channels': 256}
    return {'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head}


def _stgcn(mode: str, **options) -> dict:
    backbone = {'type': 'STGCN', 'graph_cfg': {'layout': 'coco', 'mode': mode}, **options}
    head = {'type': 'GCNHead', 'num_classes': NUM_CLASSES, 'in_channels': 256}
    return {'type': 'RecognizerGCN', 'backbone': backbone, 'cls_head': head}


NETWORKS = {
    'd5': _ske2grid(5),
    'd6': _ske2grid(6),
    'd7': _ske2grid(7),
    'd8': _ske2grid(8),
    'stgcn': _stgcn('stgcn_spatial'),
    'stgcn++': _stgcn('spatial', gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn'),
}


def processor() -> str:
    """The CPU's name, where the system tells."""
    info = Path('/proc/cpuinfo')
    names = [x for x in info.read_text().splitlines() if x.startswith('model name')] if info.exists() else []
    return names[0].split(':', 1)[1].strip() if names else platform.processor() or platform.machine()


class Bench:
    """One network in one precision on one device.

    Args:
        name: A key of ``NETWORKS``.
        bf16: Whether under bfloat16 autocast.
        device: Where.
        shape: (N, M, T) of a batch.
    """

    def __init__(self, name: str, bf16: bool, device: torch.device, shape: tuple[int, int, int]) -> None:
        torch.manual_seed(0)
        n, m, t = shape
        self.device = device
        self.amp = torch.autocast(device.type, torch.bfloat16, enabled=bf16)
        self.model = build_model(NETWORKS[name]).to(device)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(trained, lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4)
        self.keypoint = torch.randn(n, 1, m, t, 17, 3, device=device)
        self.half_absent = self.keypoint.clone()
        self.half_absent[:, :, 1::2] = 0
        self.label = torch.randint(NUM_CLASSES, (n,), device=device)
        self.convolutions = self._record_convolutions()

    def _record_convolutions(self) -> list[tuple[nn.Module, Tensor, Tensor]]:
        """Each convolution of a training step with its input and a gradient of its output."""
        seen = []

        def keep(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
            x = inputs[0].detach().clone().requires_grad_(inputs[0].requires_grad)
            seen.append((module, x, torch.randn_like(output)))

        kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
        hooks = [module.register_forward_hook(keep) for module in self.model.modules() if isinstance(module, kinds)]
        with self.amp:
            self.model.train()(keypoint=self.keypoint, label=self.label, mode='loss')
        for hook in hooks:
            hook.remove()
        return seen

    def bare(self) -> None:
        """The convolutions alone, forward and backward."""
        for convolution, x, grad in self.convolutions:
            x.grad = None
            convolution.zero_grad(set_to_none=True)
            with self.amp:
                out = convolution(x)
            out.backward(grad)

    def step(self) -> None:
        """A training step."""
        self.optimizer.zero_grad(set_to_none=True)
        with self.amp:
            loss = self.model(keypoint=self.keypoint, label=self.label, mode='loss')['loss_cls']
        loss.backward()
        self.optimizer.step()

    def evaluate(self, keypoint: Tensor) -> None:
        """Scores of a batch; the network is in evaluation mode."""
        with torch.inference_mode(), self.amp:
            self.model(keypoint=keypoint, mode='predict')

    def seconds(self, work: Callable[[], None]) -> float:
        """One run of ``work``."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        start = time.perf_counter()
        work()
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        return time.perf_counter() - start

    def medians(self, repeats: int) -> dict[str, float]:
        """Median seconds of each measure, taken in turn."""
        training = {'bare': self.bare, 'step': self.step}
        testing = {
            'eval': lambda: self.evaluate(self.keypoint),
            'half': lambda: self.evaluate(self.half_absent),
        }
        times = {}
        for group, mode in ((training, True), (testing, False)):
            self.model.train(mode)
            for work in group.values():
                self.seconds(work)  # warm up
            for _ in range(repeats):
                for name, work in group.items():
                    times.setdefault(name, []).append(self.seconds(work))
        return {name: statistics.median(values) for name, values in times.items()}


def machine(device: torch.device) -> str:
    """One line on what the numbers hold for."""
    gpu = f', {torch.cuda.get_device_name(device)}' if device.type == 'cuda' else ''
    return f'{processor()}, {torch.get_num_threads()} threads{gpu}, torch {torch.__version__}'


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--batch', type=int, default=8, help='clips a batch, N')
    parser.add_argument('--frames', type=int, default=100, help='frames a clip, T')
    parser.add_argument('--persons', type=int, default=2, help='persons a clip, M')
    parser.add_argument('--repeats', type=int, default=5, help='measurements, of which the median is printed')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--networks', nargs='+', choices=NETWORKS, default=['d5', 'stgcn', 'stgcn++'])
    parser.add_argument('--precisions', nargs='+', choices=['float32', 'bf16'], default=['float32', 'bf16'])
    parser.add_argument('--threads', type=int, default=None, help='CPU threads; all cores by default')
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    device = torch.device(args.device)
    shape = (args.batch, args.persons, args.frames)
    print(machine(device))
    print(f'N={args.batch} M={args.persons} T={args.frames} V=17; milliseconds, median of {args.repeats} in turn')
    print()
    print('| network | precision | bare convs | step | step / bare | eval | half absent | half / full | clips/s |')
    print('|---|---|---|---|---|---|---|---|---|')
    for name in args.networks:
        for precision in args.precisions:
            t = Bench(name, precision == 'bf16', device, shape).medians(args.repeats)
            print(
                f'| {name} | {precision} | {t["bare"] * 1e3:.1f} | {t["step"] * 1e3:.1f} | {t["step"] / t["bare"]:.2f} '
                f'| {t["eval"] * 1e3:.1f} | {t["half"] * 1e3:.1f} | {t["half"] / t["eval"]:.2f} '
                f'| {args.batch / t["step"]:.1f} |',
                flush=True,
            )


if __name__ == '__main__':
    main()
