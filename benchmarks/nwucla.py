"""Train all networks on NW-UCLA's joints with one budget, and print a table with fused streams of CTR-GCN and InfoGCN.

    python tools/data/nwucla.py ALL_SQE --out data/nwucla/nwucla.pkl
    python benchmarks/nwucla.py --out work_dirs/nwucla_table                        # the configs unchanged
    python benchmarks/nwucla.py --out work_dirs/nwucla_table --width 16 --epochs 8  # for a CPU

Each run is tools/train.py and tools/test.py on a shipped config, in a process with one CPU thread; finished runs are
not repeated, interrupted ones are resumed. The last checkpoint is tested with ten clips, on the official 464 clips and
on the 369 of them that are not byte-identical to a training clip; no checkpoint is chosen by its test score. Ske2Grid
6x6 is grown from 5x5 of the same seed, so its convolutions are trained for twice as many passes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from pyskl.cli.entry import run
from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.engine.build import build_recognizer
from pyskl.engine.config.load import load_config, parse_options
from pyskl.engine.flops import clip_shape, macs, parameters
from pyskl.evaluation import fusion
from pyskl.evaluation.fusion import Predictions
from pyskl.evaluation.score_files import read_predictions

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = {
    'ST-GCN': 'stgcn/stgcn_pyskl_nwucla/j.py',
    'ST-GCN++': 'stgcn++/stgcn++_nwucla/j.py',
    'AAGCN': 'aagcn/aagcn_pyskl_nwucla/j.py',
    'CTR-GCN': 'ctrgcn/ctrgcn_pyskl_nwucla/j.py',
    'DG-STGCN': 'dgstgcn/nwucla/j.py',
    'InfoGCN, k=1': 'infogcn/infogcn_nwucla/k1.py',
    'InfoGCN, k=8 (raw)': 'infogcn/infogcn_nwucla/k8.py',
    'Ske2Grid 5x5': 'Ske2Grid/d5_stgcn2cn_nwucla/j.py',
    'Ske2Grid 5x5, pooled': 'Ske2Grid/d5_lite_nwucla/j.py',
    'Ske2Grid 6x6': 'Ske2Grid/d5tod6_stgcn2cn_nwucla/j.py',
}
STREAMS = {
    'CTR-GCN, bones': 'ctrgcn/ctrgcn_pyskl_nwucla/b.py',
    'CTR-GCN, joint motion': 'ctrgcn/ctrgcn_pyskl_nwucla/jm.py',
    'CTR-GCN, bone motion': 'ctrgcn/ctrgcn_pyskl_nwucla/bm.py',
    'InfoGCN, k=1, motion': 'infogcn/infogcn_nwucla/k1_motion.py',
    'InfoGCN, k=8 (raw), motion': 'infogcn/infogcn_nwucla/k8_motion.py',
}
GROWN = {'Ske2Grid 6x6': 'Ske2Grid 5x5'}
ENSEMBLES = {  # members and weights: CTR-GCN's ensemble.py; InfoGCN adds unweighted scores
    'CTR-GCN, joint + bone': (('CTR-GCN', 'CTR-GCN, bones'), (1, 1)),
    'CTR-GCN, four streams': (
        ('CTR-GCN', 'CTR-GCN, bones', 'CTR-GCN, joint motion', 'CTR-GCN, bone motion'),
        (0.6, 0.6, 0.4, 0.4),
    ),
    'InfoGCN, joint + bone': (('InfoGCN, k=8 (raw)', 'InfoGCN, k=1'), (1, 1)),
    'InfoGCN, four streams': (
        ('InfoGCN, k=8 (raw)', 'InfoGCN, k=1', 'InfoGCN, k=8 (raw), motion', 'InfoGCN, k=1, motion'),
        (1, 1, 1, 1),
    ),
}


def folder(out: Path, name: str, seed: int) -> Path:
    """Folder of a run."""
    return out / f's{seed}' / name.lower().translate(str.maketrans(' ', '_', ',()='))


def options(args: argparse.Namespace) -> list[str]:
    """Options common to the configs of all runs."""
    changed = [f'evaluation.interval={args.epochs or 1000}', 'data.workers_per_gpu=0']
    if args.epochs:
        changed.append(f'total_epochs={args.epochs}')
    if args.width:
        changed += [f'model.backbone.base_channels={args.width}', f'model.cls_head.in_channels={4 * args.width}']
    return changed


def train_and_test(name: str, config: str, seed: int, args: argparse.Namespace) -> None:
    """Start or resume one run; its scores are written to ``scores.pkl``.

    Raises:
        ValueError: If the training or the test fails; names the file with its output.
    """
    work = folder(args.out, name, seed)
    if (work / 'scores.pkl').exists():
        return
    work.mkdir(parents=True, exist_ok=True)
    changed = options(args)
    if name in GROWN:
        changed.append(f'load_from={folder(args.out, GROWN[name], seed)}/latest.pth')
    path = str(ROOT / 'configs' / config)
    train = ['tools/train.py', path, '--work-dir', str(work), '--seed', str(seed), '--validate']
    train.append('--resume' if (work / 'latest.pth').exists() else '--overwrite')
    test = ['tools/test.py', path, f'{work}/latest.pth', '--dump', str(work / 'scores.tmp.pkl')]
    start = time.time()
    with (work / 'output.txt').open('a') as output:
        for tool, extra in ((train, []), (test, ['data.test_dataloader.videos_per_gpu=4'])):
            command = [sys.executable, *tool, '--cfg-options', *changed, *extra]
            env = {**os.environ, 'OMP_NUM_THREADS': '1'}
            if subprocess.run(command, cwd=ROOT, env=env, stdout=output, stderr=output).returncode:
                raise ValueError(f'{name}, seed {seed}: {tool[0]} failed; why is at the end of {work}/output.txt')
    os.replace(work / 'scores.tmp.pkl', work / 'scores.pkl')
    (work / 'minutes.json').write_text(json.dumps((time.time() - start) / 60))


def in_order(pairs: list[tuple[str, int]], configs: dict[str, str], args: argparse.Namespace) -> None:
    """Run all, ``--jobs`` at a time, each grown network after the smaller one."""
    with ThreadPoolExecutor(args.jobs) as pool:
        running = {}
        for name, seed in pairs:
            before = running.get((GROWN.get(name), seed))

            def work(name: str = name, seed: int = seed, before=before) -> None:
                if before is not None:
                    before.result()
                print(f'{time.strftime("%H:%M:%S")} {name}, seed {seed}', flush=True)
                train_and_test(name, configs[name], seed, args)

            running[name, seed] = pool.submit(work)
        failures = [error for error in (run.exception() for run in running.values()) if error is not None]
    if failures:
        raise failures[0]


def accuracies(scores: np.ndarray, clips: Predictions, names: set[str]) -> tuple[str, str]:
    """Top-1 in percent of ``scores`` (N, K) on all ``clips``, and on those in ``names``."""
    right = scores.argmax(1) == clips.labels
    return f'{100 * right.mean():.1f}', f'{100 * right[[name in names for name in clips.names]].mean():.1f}'


def cost(config: str, args: argparse.Namespace) -> list[str]:
    """Parameters, GMACs per clip, and clips per second of CPU time of one thread: training, evaluation."""
    torch.set_num_threads(1)
    cfg = load_config(ROOT / 'configs' / config, parse_options(options(args)))
    shape = clip_shape(cfg)
    model = build_recognizer(cfg, torch.device('cpu'))
    keypoint, label = torch.randn(16, 1, *shape), torch.randint(10, (16,))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        model(keypoint=keypoint, label=label, mode='loss')['loss_cls'].backward()
        optimizer.step()

    def evaluate() -> None:
        with torch.inference_mode():
            model(keypoint=keypoint, mode='predict')

    speeds = []
    for mode, work in ((True, step), (False, evaluate)):
        model.train(mode)
        seconds = []
        for _ in range(8):
            start = time.process_time()
            work()
            seconds.append(time.process_time() - start)
        speeds.append(f'{16 / statistics.median(seconds[1:]):.0f}')
    count, size = macs(model.backbone, torch.empty(1, *shape)).total, parameters(model)
    return [f'{size / 1e6:.3f} M', f'{count / 1e9:.3f}', ' / '.join(speeds)]


def table(configs: dict[str, str], args: argparse.Namespace) -> None:
    """Print the table of finished runs."""
    names = set(PoseDataset(ROOT / 'data/nwucla/nwucla.pkl', split='xview_val_dedup').names)
    done = {name: [s for s in args.seeds if (folder(args.out, name, s) / 'scores.pkl').exists()] for name in configs}
    print('| network | parameters | GMACs | clips/s, training / evaluation | 464 | 369 | seeds | minutes a run |')
    print('|---|---|---|---|---|---|---|---|')
    files = {}
    for name, seeds in done.items():
        if not seeds:
            continue
        works = [folder(args.out, name, seed) for seed in seeds]
        files[name] = {s: read_predictions(work / 'scores.pkl') for s, work in zip(seeds, works, strict=True)}
        measured = [accuracies(files[name][s].scores, files[name][s], names) for s in seeds]
        minutes = [json.loads((work / 'minutes.json').read_text()) for work in works]
        row = [name, *cost(configs[name], args), *map(' / '.join, zip(*measured, strict=True))]
        print(f'| {" | ".join(row)} | {", ".join(map(str, seeds))} | {statistics.mean(minutes):.0f} |', flush=True)
    for name, (members, weights) in ENSEMBLES.items():
        seeds = [seed for seed in args.seeds if all(seed in done.get(member, ()) for member in members)]
        measured = []
        for seed in seeds:
            aligned = fusion.align([files[member][seed] for member in members])
            fused = fusion.fuse(fusion.comparable(aligned), fusion.check_weights(weights, len(members)))
            measured.append(accuracies(fused, aligned[0], names))
        if seeds:
            row = [
                f'{name}, {" : ".join(map(str, weights))}',
                '',
                '',
                '',
                *map(' / '.join, zip(*measured, strict=True)),
            ]
            print(f'| {" | ".join(row)} | {", ".join(map(str, seeds))} | |', flush=True)


def main() -> None:
    """Train, test, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, help='folder of the runs; one budget a folder')
    parser.add_argument('--networks', nargs='+', default=[*NETWORKS, *STREAMS], choices=[*NETWORKS, *STREAMS])
    parser.add_argument('--width', type=int, help="channels of the first block (default: the config's, 64)")
    parser.add_argument('--epochs', type=int, help="of the set repeated five times (default: the config's)")
    parser.add_argument('--seeds', nargs='+', type=int, default=[1])
    parser.add_argument('--jobs', type=int, default=1, help='runs at a time')
    parser.add_argument('--table-only', action='store_true', help='train nothing, print what is finished')
    args = parser.parse_args()
    args.out = args.out.resolve()
    configs = {name: config for name, config in {**NETWORKS, **STREAMS}.items() if name in args.networks}
    if not args.table_only:
        in_order([(name, seed) for seed in args.seeds for name in configs], configs, args)
    table(configs, args)


if __name__ == '__main__':
    run(main)
