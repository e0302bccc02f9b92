"""Measure the clips per second that one core prepares for training: ``python benchmarks/pipeline.py``.

Times ``PoseDataset.__getitem__``: reading the record, the pipeline, the tensor. Clips of 100 frames, two persons,
float16 as published files store them. The clock counts the processor time of this process, so that other programs
have little effect. The reference, in the same run, only gathers the frames and casts them.
"""

# ruff: noqa: C408 - transforms are written as in a config file
import argparse
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import write_annotations
from pyskl.skeletons import get_skeleton

CLIP_LEN = 100
RECORDS = 200
LENGTHS = {'about 80': (40, 120), '300': (300, 300)}  # minimum and maximum of frames; the mean of NTU RGB+D is 80
PYSKL = {'2D': 2900, '3D': 450}  # clips/s of PYSKL's pipeline at about 80 frames, on a machine of this kind


def tail(layout: str, feats: list[str]) -> list[dict]:
    """The last transforms of every pipeline."""
    return [
        dict(type='GenSkeFeat', dataset=layout, feats=feats),
        dict(type='UniformSample', clip_len=CLIP_LEN),
        dict(type='PoseDecode'),
        dict(type='FormatGCNInput', num_person=2),
        dict(type='Collect', keys=['keypoint', 'label'], meta_keys=[]),
        dict(type='ToTensor', keys=['keypoint']),
    ]


def cases() -> list[tuple[str, str, list[dict]]]:
    """(title, 2D or 3D, pipeline)."""
    masked, unmasked = dict(type='PreNormalize2D'), dict(type='PreNormalize2D', threshold=None)
    body = dict(type='PreNormalize3D')
    strong = [body, dict(type='RandomScale', scale=0.1), dict(type='RandomRot', theta=0.3)]
    return [
        ('2D masked, j', '2D', [masked, *tail('coco', ['j'])]),
        ('2D unmasked, j', '2D', [unmasked, *tail('coco', ['j'])]),
        ('2D masked, bm', '2D', [masked, *tail('coco', ['bm'])]),
        ('2D unmasked, bm', '2D', [unmasked, *tail('coco', ['bm'])]),
        ('3D, j', '3D', [body, *tail('nturgb+d', ['j'])]),
        ('3D, bm', '3D', [body, *tail('nturgb+d', ['bm'])]),
        ('3D, j, scaled and rotated', '3D', [*strong, *tail('nturgb+d', ['j'])]),
    ]


def make_records(kind: str, lengths: tuple[int, int], seed: int = 0) -> list[dict]:
    """Generate random people; in half of the clips the second person is present part of the time."""
    random = np.random.RandomState(seed)
    joints = get_skeleton('coco' if kind == '2D' else 'nturgb+d').num_joints
    records = []
    for i in range(RECORDS):
        frames = int(random.randint(lengths[0], lengths[1] + 1))
        shape = (2, frames, joints)
        record = dict(frame_dir=f'S{i:06d}', label=i % 60, total_frames=frames)
        if kind == '2D':
            record.update(img_shape=(1080, 1920), original_shape=(1080, 1920))
            record['keypoint'] = (random.rand(*shape, 2) * (1920, 1080)).astype(np.float16)
            record['keypoint_score'] = random.rand(*shape).astype(np.float16)
        else:
            record['keypoint'] = random.randn(*shape, 3).astype(np.float16)
        left = random.randint(0, frames) if i % 2 else 0
        record['keypoint'][1, left:] = 0
        if kind == '2D':
            record['keypoint_score'][1, left:] = 0
        records.append(record)
    return records


def per_second(function: Callable[[int], object], count: int, seconds: float) -> float:
    """Calls per second: the best of five measurements, since other programs can only slow it down."""
    rates = []
    for _ in range(5):
        done, start = 0, time.process_time()
        while time.process_time() - start < seconds / 5:
            for index in range(count):
                function(index)
            done += count
        rates.append(done / (time.process_time() - start))
    return max(rates)


def gather(record: dict, inds: np.ndarray) -> torch.Tensor:
    """The minimal work of any pipeline."""
    return torch.from_numpy(record['keypoint'][:, inds].astype(np.float32))


def machine() -> str:
    """Describe the machine of the measurement."""
    model = platform.processor() or platform.machine()
    info = Path('/proc/cpuinfo')
    if info.exists():
        names = [
            line.split(':', 1)[1].strip() for line in info.read_text().splitlines() if line.startswith('model name')
        ]
        model = names[0] if names else model
    load = f', load {os.getloadavg()[0]:.1f}' if hasattr(os, 'getloadavg') else ''
    versions = f'python {platform.python_version()}, numpy {np.__version__}, torch {torch.__version__}'
    return f'{model}, {os.cpu_count()} CPUs{load}; one thread; {versions}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=2.0, help='time for each figure')
    seconds = parser.parse_args().seconds
    torch.set_num_threads(1)
    print(machine())
    print(f'{"pipeline":28s} {"frames":>9s} {"clips/s":>9s} {"us/clip":>8s} {"of PYSKL":>9s} {"gather":>8s}')
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PYSKL_CACHE'] = os.path.join(folder, 'cache')
        for frames, lengths in LENGTHS.items():
            for kind in PYSKL:
                path = os.path.join(folder, f'{kind}_{lengths[0]}.pkl')
                write_annotations(path, make_records(kind, lengths))
                plain = PoseDataset(path)
                random = np.random.RandomState(0)
                records = [plain[i] for i in range(RECORDS)]
                inds = [np.sort(random.randint(0, r['total_frames'], CLIP_LEN)) for r in records]
                bound = per_second(lambda i, r=records, n=inds: gather(r[i], n[i]), RECORDS, seconds)
                for title, _, pipeline in (case for case in cases() if case[1] == kind):
                    dataset = PoseDataset(path, pipeline)
                    rate = per_second(dataset.__getitem__, RECORDS, seconds)
                    ratio = f'{rate / PYSKL[kind]:8.1f}x' if frames == 'about 80' else f'{"":9s}'
                    share = f'{bound / rate:7.1f}x'
                    print(f'{title:28s} {frames:>9s} {rate:9.0f} {1e6 / rate:8.1f} {ratio} {share}', flush=True)
                print(f'{"  gather, cast, from_numpy":28s} {frames:>9s} {bound:9.0f} {1e6 / bound:8.1f}', flush=True)
    print('of PYSKL: against its', ', '.join(f'{rate} clips/s in {kind}' for kind, rate in PYSKL.items()))
    print('gather: the time as a multiple of gathering the frames of keypoint and casting them to float32')


if __name__ == '__main__':
    main()
