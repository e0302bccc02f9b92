"""Train and test configs with several seeds, and print mean and deviation of the accuracy as a Markdown
table.

    python tools/table.py CONFIG [CONFIG ...] --seeds 1 2 3 --out work_dirs/table [-- --amp --auto-scale-lr]

For each config and seed, OUT/<config>/s<seed> has a training run and a test of its last checkpoint. The same
command skips finished runs and resumes interrupted ones. Options after -- are passed to pyskl train.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pyskl.cli.entry import run
from pyskl.files import write_json, write_text

HEADER = ('config', 'parameters', 'GMACs')


def parse_args(argv: list[str]) -> argparse.Namespace:
    """Parse the command line; ``train_options`` are the options after ``--``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='configs, one row each')
    parser.add_argument('--seeds', nargs='+', type=int, default=[1, 2, 3], help='seeds, one run each (default: 1 2 3)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/table'), help='folder of the runs')
    parser.add_argument('--gpus', type=int, default=1, help='processes per run (default: 1)')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='changes of every config; {seed} is replaced by the seed, as in load_from=work_dirs/a/s{seed}/latest.pth',
    )  # fmt: skip
    parser.add_argument(
        '--leave-out', type=Path, metavar='FILE', help='add a column without the clips listed in FILE, one per line'
    )
    parser.add_argument('--part', metavar='SPLIT', help='add a column for the clips of SPLIT, e.g. xview_val_dedup')
    parser.add_argument('--write', type=Path, metavar='FILE', help='write the table between two markers in FILE')
    parser.add_argument(
        '--marker', default='table', help='name of the markers <!-- NAME: begin --> and <!-- NAME: end -->'
    )
    parser.add_argument('--table-only', action='store_true', help='do not train; report finished runs only')
    own, behind = (argv[: argv.index('--')], argv[argv.index('--') + 1 :]) if '--' in argv else (argv, [])
    args = parser.parse_args(own)
    args.train_options = behind
    args.command = shlex.join(argv)
    if len(set(args.seeds)) < len(args.seeds):
        raise ValueError(f'--seeds must be different numbers, got {args.seeds}')
    if args.gpus < 1:
        raise ValueError(f'--gpus must be at least 1, got {args.gpus}')
    if args.part and args.leave_out:
        raise ValueError('--part and --leave-out exclude each other; pass one of them')
    if '--cfg-options' in behind:
        raise ValueError('--cfg-options must be before --, so that they apply to training and test')
    return args


def run_folder(out: Path, config: str, seed: int) -> Path:
    """Return the folder of a run: the config's path below ``configs/``, or its name."""
    parts = Path(config).with_suffix('').parts
    below = parts[parts.index('configs') + 1 :] if 'configs' in parts else parts[-1:]
    return out.joinpath(*below, f's{seed}')


def options_of(args: argparse.Namespace, seed: int) -> list[str]:
    """Return ``--cfg-options`` of one run."""
    return [option.replace('{seed}', str(seed)) for option in args.cfg_options]


def commands(config: str, seed: int, work: Path, args: argparse.Namespace) -> list[list[str]]:
    """Return the commands that train and test a run."""
    options = ['--cfg-options', *options_of(args, seed)] if args.cfg_options else []
    train = ['pyskl.cli.train', config, '--work-dir', str(work), '--seed', str(seed), *args.train_options, *options]
    test = ['pyskl.cli.test', config, f'{work}/latest.pth', '--dump', str(work / 'scores.tmp.pkl'), *options]
    if args.gpus == 1:
        return [[sys.executable, '-m', *command] for command in (train, test)]
    launch = [sys.executable, '-m', 'pyskl.cli.launch', '--processes', str(args.gpus)]
    return [[*launch, *command, '--launcher', 'pytorch'] for command in (train, test)]


def budget(args: argparse.Namespace) -> dict:
    """Return the options that must be equal to resume a run."""
    return {'cfg_options': args.cfg_options, 'train_options': args.train_options, 'gpus': args.gpus}


def check_budget(work: Path, config: str, args: argparse.Namespace) -> None:
    """Check that an existing run was started with the same options.

    Raises:
        ValueError: If not; the message has both.
    """
    record = work / 'table.json'
    if record.is_file():
        started = json.loads(record.read_text())['budget']
        if started != budget(args):
            raise ValueError(
                f'{work} has a run of {config} with {started}, but this command has {budget(args)}; choose another '
                '--out, or use the same options'
            )


def train_and_test(config: str, seed: int, args: argparse.Namespace) -> None:
    """Run or resume the training and the test, which writes ``scores.pkl``.

    Raises:
        ValueError: If one of them fails; the message names the file with its output.
    """
    work = run_folder(args.out, config, seed)
    if (work / 'scores.pkl').is_file():
        return
    work.mkdir(parents=True, exist_ok=True)
    record = work / 'table.json'
    spent = json.loads(record.read_text())['seconds'] if record.is_file() else 0.0
    write_json(record, {'budget': budget(args), 'seconds': spent})
    output = work / 'output.txt'
    start = time.monotonic()
    try:
        for step, command in zip(('train', 'test'), commands(config, seed, work, args), strict=True):
            print(f'{config}, seed {seed}: {step}', flush=True)
            with output.open('a') as file:
                if subprocess.run(command, stdout=file, stderr=file).returncode:
                    raise ValueError(f'{config}, seed {seed}: {step} failed; see the end of {output}')
    finally:
        spent += time.monotonic() - start
        write_json(record, {'budget': budget(args), 'seconds': spent})
    os.replace(work / 'scores.tmp.pkl', work / 'scores.pkl')


def read_names(path: Path) -> list[str]:
    """Read the clips of ``--leave-out``, one per line; blank lines and comments (``#``) are skipped.

    Raises:
        ValueError: If there are none.
    """
    lines = [line.split('#')[0].strip() for line in path.read_text().splitlines()]
    names = [line for line in lines if line]
    if not names:
        raise ValueError(f'--leave-out {path} is empty; it must have one frame_dir per line')
    return names


def outside_split(ann_file: str, tested: str | None, part: str) -> list[str]:
    """Return the clips of split ``tested`` (None: all) that are not in split ``part`` of the same annotation file.

    Raises:
        ValueError: If the file has no such split, or ``part`` has clips that are not tested.
    """
    from pyskl.datasets.pose_dataset import PoseDataset

    names, chosen = (PoseDataset(ann_file, split=split).names for split in (tested, part))
    extra = set(chosen) - set(names)
    if extra:
        raise ValueError(f'--part {part} has clip {min(extra)!r}, which is not in the test split {tested!r}')
    return [name for name in names if name not in set(chosen)]


def accuracies(path: Path, leave_out: Sequence[str]) -> list[tuple[int, float]]:
    """Return number of clips and top-1 in % of a score file: for all clips and, with ``leave_out``, for the others.

    Raises:
        ValueError: If a name of ``leave_out`` is not a clip of the file.
    """
    from pyskl.evaluation.score_files import read_predictions

    file = read_predictions(path)
    right = file.scores.argmax(1) == file.labels
    found = [(len(right), 100 * float(right.mean()))]
    if leave_out:
        left = set(leave_out)
        if file.names is None or not left <= set(file.names):
            unknown = min(left - set(file.names or ()))
            raise ValueError(f'--leave-out has clip {unknown!r}, which is not among the {len(right)} clips of {path}')
        rest = [name not in left for name in file.names]
        found.append((sum(rest), 100 * float(right[rest].mean())))
    return found


def spread(values: Sequence[float]) -> str:
    """Format the mean and, for two or more values, the sample standard deviation, in % with one decimal."""
    if len(values) == 1:
        return f'{values[0]:.1f}'
    return f'{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}'


def markdown(rows: list[dict]) -> str:
    """Format the rows as a Markdown table.

    Args:
        rows: Dicts with ``config``, ``parameters``, ``macs``, ``seeds``, ``minutes`` (mean per run) and
            ``accuracies``: for each seed the result of :func:`accuracies`.
    """
    clips = [count for count, _ in rows[0]['accuracies'][0]]
    header = [*HEADER, *(f'top-1, {count} clips' for count in clips), 'seeds', 'minutes per run']
    lines = [header, ['---'] * len(header)]
    for row in rows:
        columns = zip(*row['accuracies'], strict=True)
        lines.append(
            [
                row['config'],
                f'{row["parameters"] / 1e6:.3f} M',
                f'{row["macs"] / 1e9:.3f}',
                *(spread([top1 for _, top1 in column]) for column in columns),
                ', '.join(map(str, row['seeds'])),
                f'{row["minutes"]:.0f}',
            ]
        )
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def between_markers(text: str, marker: str, content: str, path: Path) -> str:
    """Replace the text between the two markers by ``content``.

    Raises:
        ValueError: If each marker does not occur once, in order.
    """
    begin, end = f'<!-- {marker}: begin -->', f'<!-- {marker}: end -->'
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f'{path} must have the lines {begin!r} and {end!r} once each, in this order')
    head, rest = text.split(begin)
    return f'{head}{begin}\n{content}\n{end}{rest.split(end)[1]}'


def measured(args: argparse.Namespace) -> list[dict]:
    """Make a row for each config with a finished run."""
    import torch

    from pyskl.apis import load_config, parse_options
    from pyskl.engine.build import build_recognizer
    from pyskl.engine.flops import clip_shape, macs, parameters

    leave_out = read_names(args.leave_out) if args.leave_out else []
    rows = []
    for config in args.configs:
        works = {seed: run_folder(args.out, config, seed) for seed in args.seeds}
        works = {seed: work for seed, work in works.items() if (work / 'scores.pkl').is_file()}
        if not works:
            continue
        cfg = load_config(config, parse_options(options_of(args, next(iter(works)))))
        test = cfg.data.test
        left = outside_split(test.ann_file, test.get('split'), args.part) if args.part else leave_out
        model = build_recognizer(cfg, torch.device('cpu'))
        seconds = [json.loads((work / 'table.json').read_text())['seconds'] for work in works.values()]
        rows.append(
            {
                'config': '/'.join(next(iter(works.values())).relative_to(args.out).parts[:-1]),
                'parameters': parameters(model),
                'macs': macs(model.backbone, torch.empty(1, *clip_shape(cfg))).total,
                'seeds': list(works),
                'minutes': statistics.mean(seconds) / 60,
                'accuracies': [accuracies(work / 'scores.pkl', left) for work in works.values()],
            }
        )
    return rows


def main() -> None:
    """Train and test the missing runs, then print and write the table."""
    args = parse_args(sys.argv[1:])
    from pyskl.apis import load_config, parse_options

    for config in args.configs:  # all first, to find errors early
        cfg = load_config(config, parse_options(options_of(args, args.seeds[0])))
        if args.part:
            outside_split(cfg.data.test.ann_file, cfg.data.test.get('split'), args.part)
        for seed in args.seeds:
            check_budget(run_folder(args.out, config, seed), config, args)
    if args.leave_out:
        read_names(args.leave_out)
    if args.write:
        between_markers(args.write.read_text(), args.marker, '', args.write)
    if not args.table_only:
        for seed in args.seeds:  # seeds in the outer loop, so that a table of one seed is available early
            for config in args.configs:
                train_and_test(config, seed, args)
    rows = measured(args)
    if not rows:
        raise ValueError(f'{args.out} has no finished run of these configs and seeds; remove --table-only to train')
    text = markdown(rows)
    print(text, flush=True)
    if args.write:
        content = f'{text}\n\n```\npython tools/table.py {args.command}\n```'
        new = between_markers(args.write.read_text(), args.marker, content, args.write)
        write_text(args.write, new)


if __name__ == '__main__':
    run(main)
