"""Train and test configs with several seeds, and print mean and deviation of the accuracy as a Markdown
table.

    python tools/table.py CONFIG [CONFIG ...] --seeds 1 2 3 --out work_dirs/table [-- --amp --auto-scale-lr]

For each config and seed, OUT/<config>/s<seed> has a training run and a test of its last checkpoint. The same
command skips finished runs and resumes interrupted ones. Options after -- are passed to pyskl train.
"""

import argparse
import json
import math
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pyskl.cli.entry import run
from pyskl.cli.table_rows import Row, accuracies, fused_name, markdown, outside_split, read_names
from pyskl.files import write_json, write_text


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
    parser.add_argument(
        '--fuse', nargs='+', action='append', default=[], metavar='CONFIG[=WEIGHT]',
        help='add a row for the sum of the scores of these CONFIGs, seed by seed, as in --fuse j.py=2 b.py=2 jm.py; '
        'may be repeated',
    )  # fmt: skip
    parser.add_argument('--part', metavar='SPLIT', help='add a column for the clips of SPLIT, e.g. xview_val_dedup')
    parser.add_argument('--write', type=Path, metavar='FILE', help='write the table between two markers in FILE')
    parser.add_argument(
        '--marker', default='table', help='name of the markers <!-- NAME: begin --> and <!-- NAME: end -->'
    )
    parser.add_argument('--table-only', action='store_true', help='do not train; report finished runs only')
    own, behind = (argv[: argv.index('--')], argv[argv.index('--') + 1 :]) if '--' in argv else (argv, [])
    args = parser.parse_args(own)
    args.train_options = behind
    args.command = shlex.join(word for word in argv if word != '--table-only')  # the one that trains, too
    if len(set(args.seeds)) < len(args.seeds):
        raise ValueError(f'--seeds must be different numbers, got {args.seeds}')
    if args.gpus < 1:
        raise ValueError(f'--gpus must be at least 1, got {args.gpus}')
    if args.part and args.leave_out:
        raise ValueError('--part and --leave-out exclude each other; pass one of them')
    args.fuse = [fused_configs(words, args.configs) for words in args.fuse]
    if '--cfg-options' in behind:
        raise ValueError('--cfg-options must be before --, so that they apply to training and test')
    return args


def fused_configs(words: Sequence[str], configs: Sequence[str]) -> tuple[list[str], list[float]]:
    """Return configs and weights of one ``--fuse``; the weight is 1 unless it is given.

    Raises:
        ValueError: If there are less than two configs, one is not among ``configs`` or occurs twice, a weight is not a
            finite number, or all are 0.
    """
    names, weights = [], []
    for word in words:
        name, weight = (word, '1') if word in configs else word.rpartition('=')[::2]
        if name not in configs:
            raise ValueError(f'--fuse {word} is not among the configs of this table: {", ".join(configs)}')
        try:
            weights.append(float(weight))
        except ValueError:
            weights.append(math.nan)
        if not math.isfinite(weights[-1]):
            raise ValueError(f'--fuse {word} must end in a number after =, as in {name}=2')
        names.append(name)
    if len(set(names)) < max(2, len(names)):
        raise ValueError(f'--fuse needs two or more different configs, got {" ".join(words)}')
    if not any(weights):
        raise ValueError(f'--fuse {" ".join(words)} has only weights of 0')
    return names, weights


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


def row_name(work: Path, out: Path) -> str:
    """Return the name of a row: the folder of the runs of a config below ``out``."""
    return '/'.join(work.relative_to(out).parts[:-1])


def finished_runs(config: str, args: argparse.Namespace) -> dict[int, Path]:
    """Map the seeds whose run of ``config`` is finished to its folder."""
    works = {seed: run_folder(args.out, config, seed) for seed in args.seeds}
    return {seed: work for seed, work in works.items() if (work / 'scores.pkl').is_file()}


def seconds_of(work: Path) -> float:
    """Return the seconds that training and test of a run took."""
    return json.loads((work / 'table.json').read_text())['seconds']


def clips_left_out(test: dict, args: argparse.Namespace) -> list[str]:
    """Return the clips of ``data.test`` that the second accuracy excludes; empty without --part and --leave-out."""
    if args.part:
        return outside_split(test['ann_file'], test.get('split'), args.part)
    return read_names(args.leave_out) if args.leave_out else []


def row_of(config: str, works: dict[int, Path], args: argparse.Namespace) -> Row:
    """Make the row of a config from its finished runs."""
    import torch

    from pyskl.apis import load_config, parse_options
    from pyskl.engine.build import build_recognizer
    from pyskl.engine.flops import clip_shape, macs, parameters

    cfg = load_config(config, parse_options(options_of(args, min(works))))
    left = clips_left_out(cfg.data.test, args)
    model = build_recognizer(cfg, torch.device('cpu'))
    return Row(
        name=row_name(works[min(works)], args.out),
        parameters=parameters(model),
        macs=macs(model.backbone, torch.empty(1, *clip_shape(cfg))).total,
        seconds=statistics.mean(map(seconds_of, works.values())),
        left_out=left,
        accuracies={seed: accuracies([work / 'scores.pkl'], [1], left) for seed, work in works.items()},
    )


def fused_row(configs: Sequence[str], weights: Sequence[float], rows: dict[str, Row], out: Path) -> Row | None:
    """Make the row of one ``--fuse`` from the seeds that all its configs have, None if there is no such seed."""
    if not all(config in rows for config in configs):
        return None
    parts = [rows[config] for config in configs]
    seeds = [seed for seed in parts[0].accuracies if all(seed in part.accuracies for part in parts)]
    if not seeds:
        return None
    paths = {seed: [run_folder(out, config, seed) / 'scores.pkl' for config in configs] for seed in seeds}
    return Row(
        name=fused_name([part.name for part in parts], weights),
        parameters=sum(part.parameters for part in parts),
        macs=sum(part.macs for part in parts),
        seconds=sum(part.seconds for part in parts),
        left_out=parts[0].left_out,
        accuracies={seed: accuracies(paths[seed], weights, parts[0].left_out) for seed in seeds},
    )


def measured(args: argparse.Namespace) -> list[Row]:
    """Make a row for each config with a finished run, then for each ``--fuse`` with a seed that has all its runs."""
    works = {config: finished_runs(config, args) for config in args.configs}
    rows = {config: row_of(config, found, args) for config, found in works.items() if found}
    fused = [fused_row(configs, weights, rows, args.out) for configs, weights in args.fuse]
    return [*rows.values(), *(row for row in fused if row)]


def check_same_clips(tested: dict[str, tuple[str, str | None]]) -> None:
    """Check that configs, mapped to annotation file and split of their test, are tested on the same clips.

    Raises:
        ValueError: If not; the message has two that differ.
    """
    (first, clips), *others = tested.items()
    for config, other in others:
        if other != clips:
            raise ValueError(
                f'--fuse needs configs with one test set, but {first} has {clips} and {config} has {other}'
            )


def main() -> None:
    """Train and test the missing runs, then print and write the table."""
    args = parse_args(sys.argv[1:])
    from pyskl.apis import load_config, parse_options

    tested = {}
    for config in args.configs:  # all first, to find errors early
        cfg = load_config(config, parse_options(options_of(args, args.seeds[0])))
        clips_left_out(cfg.data.test, args)
        tested[config] = (cfg.data.test.ann_file, cfg.data.test.get('split'))
        for seed in args.seeds:
            check_budget(run_folder(args.out, config, seed), config, args)
    for configs, _ in args.fuse:
        check_same_clips({config: tested[config] for config in configs})
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
