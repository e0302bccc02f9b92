"""Compare the speed of every shipped training pipeline with that of the network it feeds.

    python benchmarks/shipped_pipelines.py

For each distinct training pipeline of configs/: clips per second that one core prepares (reading the record, the
pipeline, the tensor), clips per second that the network of the first config with it trains on one core, in the same
run, and their ratio: the number of training cores that one loader core can feed. A GPU that trains R clips per second
needs R / (the first figure) loader cores. Records have the size and the type of published ones: float16, two persons
(one on NW-UCLA), about 80 frames, or 250 frames of boxes for Kinetics-400. Processor time, the best of five.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from pipeline import RECORDS, machine, make_records, per_second

from pyskl.datasets.pose_dataset import PoseDataset
from pyskl.datasets.records.annotations import write_annotations
from pyskl.engine.config.load import datasets_in, load_config
from pyskl.models import build_model

CONFIGS = Path(__file__).resolve().parents[1] / 'configs'
LENGTHS = (40, 120)


def boxes(records: list[dict]) -> list[dict]:
    """2D records in the format of Kinetics-400: one row per person and frame, 250 frames."""
    random, made = np.random.RandomState(0), []
    for record in records:
        frames = np.sort(np.concatenate([np.arange(250), random.randint(0, 250, 150)]))
        rows = random.randint(0, record['total_frames'], len(frames))
        joints = np.concatenate([record['keypoint'][0, rows], record['keypoint_score'][0, rows, :, None]], axis=-1)
        scores = random.uniform(0.5, 1, len(frames)).astype(np.float32)
        fields = {key: record[key] for key in ('frame_dir', 'label', 'img_shape', 'original_shape')}
        valid = dict.fromkeys((0.5, 0.6, 0.7, 0.8, 0.9), 250)
        made.append(
            {
                **fields,
                'total_frames': 250,
                'frame_inds': frames,
                'box_score': scores,
                'valid': valid,
                'keypoint': joints,
            }
        )
    return made


def kind_of(pipeline: list[dict]) -> str:
    """Determine the kind of records a pipeline expects."""
    types = [transform['type'] for transform in pipeline]
    if 'DecompressPose' in types:
        return 'boxes'
    layouts = {transform.get('dataset') for transform in pipeline} - {None}
    return {'nw-ucla': 'nw-ucla', 'nturgb+d': '3D', 'openpose': 'openpose'}.get(min(layouts, default='coco'), '2D')


def records_of(kind: str) -> list[dict]:
    """Generate records of a kind."""
    if kind in ('2D', 'boxes', 'openpose'):
        records = make_records('2D', LENGTHS)
        for record in records if kind == 'openpose' else ():  # 18 joints: one is repeated
            for key in ('keypoint', 'keypoint_score'):
                record[key] = np.concatenate([record[key], record[key][:, :, :1]], axis=2)
        return boxes(records) if kind == 'boxes' else records
    records = make_records('3D', LENGTHS)
    if kind == 'nw-ucla':
        for record in records:
            record['keypoint'] = record['keypoint'][:1, :, :20].astype(np.float32)
    return records


def shipped(all_streams: bool) -> dict[str, tuple[str, Config]]:
    """By pipeline, the first config and its resolved form; only streams j and bm unless all are requested."""
    found = {}
    for path in sorted(CONFIGS.rglob('*.py')):
        name = path.relative_to(CONFIGS).as_posix()
        if not name.startswith('_base_') and (all_streams or path.stem not in ('b', 'jm')):
            cfg = load_config(path)
            found.setdefault(str(datasets_in(cfg.data.train)[0].pipeline), (name, cfg))
    return found


def training_rate(cfg: Config, dataset: PoseDataset, batch: int = 4) -> float:
    """Clips per second of processor time of a step: forward, loss, backward."""
    samples = [dataset[i] for i in range(batch)]
    key = 'imgs' if 'imgs' in samples[0] else 'keypoint'
    clips = torch.stack([sample[key] for sample in samples])
    label = torch.tensor([int(sample['label']) % cfg.model.cls_head.num_classes for sample in samples])
    model = build_model(cfg.model.to_dict()).train()
    seconds = []
    for _ in range(3):
        start = time.process_time()
        model(**{key: clips, 'label': label, 'mode': 'loss'})['loss_cls'].backward()
        seconds.append(time.process_time() - start)
    return batch / min(seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=1.0, help='time for each figure')
    parser.add_argument('--all-streams', action='store_true', help='b and jm too, beside j and bm')
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    print('| pipeline of | records | clips/s prepared | clips/s trained | prepared / trained |')
    print('|---|---|---|---|---|')
    with tempfile.TemporaryDirectory() as folder:
        os.environ['PYSKL_CACHE'] = os.path.join(folder, 'cache')
        for name, cfg in shipped(args.all_streams).values():
            pipeline = datasets_in(cfg.data.train)[0].pipeline
            kind = kind_of(pipeline)
            path = Path(folder) / f'{kind}.pkl'
            if not path.exists():
                write_annotations(path, records_of(kind))
            dataset = PoseDataset(path, [dict(transform) for transform in pipeline])
            dataset[0]
            prepared = per_second(dataset.__getitem__, RECORDS if kind != 'boxes' else 50, args.seconds)
            trained = training_rate(cfg, dataset)
            print(f'| {name} | {kind} | {prepared:.0f} | {trained:.1f} | {prepared / trained:.0f} |', flush=True)


if __name__ == '__main__':
    main()
