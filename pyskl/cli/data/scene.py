"""Generate keypoints of people who perform one action after another, as JSON lines for ``pyskl predict``.

    pyskl data scene --out scene.jsonl
    pyskl predict scene.jsonl --model quickstart --out out/

The file simulates a pose estimator on a video of 30 frames per second: one line per frame, with the pixels and scores
of COCO's 17 joints of every person. The command prints the actions, to compare with the labels of ``pyskl predict``.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from pyskl.cli.entry import run
from pyskl.converters.output import check_out
from pyskl.files import replacing
from pyskl.synthetic.scene import Scene, make_scene, random_plans

MAX_PEOPLE = 10
MAX_SECONDS = 3600.0


def lines_of(scene: Scene) -> Iterator[str]:
    """Yield a JSON line per frame."""
    for t in range(scene.keypoint.shape[1]):
        people = []
        for person, (keypoint, score) in enumerate(zip(scene.keypoint[:, t], scene.score[:, t], strict=True)):
            joints = [
                [round(float(x), 1), round(float(y), 1), round(float(s), 2)]
                for (x, y), s in zip(keypoint, score, strict=True)
            ]
            people.append({'id': person, 'keypoints': joints})
        yield json.dumps({'time': round(t / scene.fps, 4), 'size': list(scene.size), 'people': people})


def main() -> None:
    """Write the scene."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--people', type=int, default=2, help='number of persons, 1 to 10 (default: 2)')
    parser.add_argument('--seconds', type=float, default=15.0, help='duration (default: 15)')
    parser.add_argument('--seed', type=int, default=0, help='random seed (default: 0)')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE.jsonl', help='JSON lines to write')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing --out')
    args = parser.parse_args()
    if not 1 <= args.people <= MAX_PEOPLE:
        raise ValueError(f'--people must be 1 to {MAX_PEOPLE}, got {args.people}')
    if not 1 <= args.seconds <= MAX_SECONDS:
        raise ValueError(f'--seconds must be 1 to {MAX_SECONDS:g}, got {args.seconds:g}')
    if not 0 <= args.seed < 2**32:
        raise ValueError(f'--seed must be 0 to 2**32 - 1, got {args.seed}')
    if args.out.suffix != '.jsonl':
        raise ValueError(f'--out {args.out} must end in .jsonl, so that `pyskl predict` recognises it')
    check_out(args)
    scene = make_scene(args.seed, random_plans(args.seed, args.people, args.seconds))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(args.out) as file:
        for line in lines_of(scene):
            file.write(f'{line}\n'.encode())
    for person, start, end, action in scene.intervals:
        print(f'{start:8.2f} - {end:7.2f} s  person {person}  {action}')
    print(f'wrote {args.out}')


if __name__ == '__main__':
    run(main)
