"""Generate synthetic clips of people in ten actions, as an annotation pickle.

    pyskl data synthetic --layout coco --clips 1000 --seed 0 --out data/synthetic/coco.pkl

The splits xsub, xview and xset (_train, _val) are all by person; they have the names of NTU's splits, so that configs
for NTU can be used.
"""

import argparse
from collections import Counter

import numpy as np
from tqdm import tqdm

from pyskl.cli.entry import run
from pyskl.converters.output import add_out, check_out
from pyskl.datasets.records.annotations import write_annotations
from pyskl.synthetic.actions import ACTIONS
from pyskl.synthetic.dataset import LAYOUTS, make_dataset


def summary(data: dict, layout: str) -> str:
    """Summarise the pickle."""
    clips, splits = data['annotations'], data['split']
    frames = [clip['total_frames'] for clip in clips]
    counts = Counter(clip['label'] for clip in clips)
    joints, channels = clips[0]['keypoint'].shape[2:]
    unit = 'pixels and scores' if channels == 2 else 'metres'
    lines = [
        f'{len(clips)} clips, {len(counts)} actions, {joints} joints ({layout}), {unit}',
        f'frames: {min(frames)} min, {np.median(frames):g} median, {max(frames)} max',
        f'clips with a bystander: {sum(len(clip["keypoint"]) > 1 for clip in clips)}',
        *(f'  {label} {name}: {counts[label]}' for label, name in enumerate(ACTIONS)),
        *(f'split {name}: {len(members)}' for name, members in splits.items()),
    ]
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--layout', choices=LAYOUTS, default='coco', help='joints: 17 in 2D, 25 or 20 in 3D')
    parser.add_argument('--clips', type=int, default=1000, help='number of clips (default: 1000)')
    parser.add_argument('--seed', type=int, default=0, help='random seed (default: 0)')
    add_out(parser)
    args = parser.parse_args()
    check_out(args)
    data = make_dataset(args.clips, args.seed, args.layout, lambda numbers: tqdm(numbers, desc='clips', disable=None))
    write_annotations(args.out, data['annotations'], data['split'])
    print(summary(data, args.layout))
    print(f'wrote {args.out}')


if __name__ == '__main__':
    run(main)
