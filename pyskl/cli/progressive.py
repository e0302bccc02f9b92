"""Train a Ske2Grid progressively: each config starts from the best checkpoint of the previous one.

    pyskl progressive configs/Ske2Grid/{d5,d5tod6,d6tod7,d7tod8}_stgcn2cn_pyskl_ntu60_xsub_hrnet/j.py

The same command resumes an interrupted run. Options after -- are passed to pyskl train.
"""

import argparse
import itertools
import os
import subprocess
import sys

from pyskl.cli.entry import run


def train_command(config: str, work_dir: str, load_from: str | None, gpus: int, options: list[str]) -> list[str]:
    """Return the command that trains one grid."""
    if load_from:
        if '--cfg-options' in options:
            at = options.index('--cfg-options') + 1
            options = [*options[:at], f'load_from={load_from}', *options[at:]]
        else:
            options = [*options, '--cfg-options', f'load_from={load_from}']
    train = ['pyskl.cli.train', config, '--validate', '--work-dir', work_dir]
    if gpus <= 1:
        return [sys.executable, '-m', *train, *options]
    launch = [sys.executable, '-m', 'pyskl.cli.launch', '--processes', str(gpus)]
    return [*launch, *train, '--launcher', 'pytorch', *options]


def cfg_options(options: list[str]) -> list[str]:
    """Return the KEY=VALUE pairs after ``--cfg-options``."""
    if '--cfg-options' not in options:
        return []
    behind = options[options.index('--cfg-options') + 1 :]
    return list(itertools.takewhile(lambda option: not option.startswith('--'), behind))


def table(rows: list[dict]) -> str:
    """Format the rows as aligned columns."""
    header = ['grid', 'top-1', 'parameters', 'GMACs', 'minutes', 'checkpoint']
    cells = [header] + [
        [
            row['grid'],
            f'{100 * row["top1"]:.2f}',
            f'{row["parameters"] / 1e6:.3f} M',
            f'{row["macs"] / 1e9:.2f}',
            f'{row["seconds"] / 60:.1f}',
            row['checkpoint'],
        ]
        for row in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(header))]
    lines = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in cells]
    return '\n'.join('  '.join(line).rstrip() for line in lines)


def main() -> int:
    """Train the grids in order and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help='one config per grid, smallest first')
    parser.add_argument('--gpus', type=int, default=1, help='processes per run (default: 1)')
    parser.add_argument('--work-dir', help='parent folder of the runs (default: the work_dir of each config)')
    own, options = sys.argv[1:], []
    if '--' in own:
        own, options = own[: own.index('--')], own[own.index('--') + 1 :]
    args = parser.parse_args(own)

    import torch

    from pyskl.apis import load_config, parse_options
    from pyskl.engine.build import build_recognizer
    from pyskl.engine.flops import clip_shape, macs, parameters
    from pyskl.engine.run_record import RunRecord
    from pyskl.engine.run_result import best_checkpoint

    overrides = parse_options(cfg_options(options))
    configs = [(path, load_config(path, overrides)) for path in args.configs]  # all first, to find errors early
    rows, best = [], None
    for path, cfg in configs:
        name = cfg.work_dir.removeprefix('work_dirs/')
        work_dir = os.path.join(args.work_dir, name) if args.work_dir else cfg.work_dir
        grid = 'x'.join(map(str, cfg.model.backbone.get('grid_shape', ['?'])))
        print(f'== {grid}: {path}', flush=True)
        status = subprocess.run(train_command(path, work_dir, best, args.gpus, options)).returncode
        if status:
            print(f'stopped at {grid}; the same command resumes there', file=sys.stderr)
            return status
        cfg.work_dir = work_dir
        best = best_checkpoint(cfg)
        if best is None:
            raise ValueError(f'{work_dir} has no best checkpoint for the next grid; the config needs evaluation')
        record = RunRecord(work_dir).content
        model = build_recognizer(cfg, torch.device('cpu'))
        rows.append(
            {
                'grid': grid,
                'top1': record['best']['value'],
                'parameters': parameters(model),
                'macs': macs(model.backbone, torch.empty(1, *clip_shape(cfg))).total,
                'seconds': record.get('seconds', 0.0),
                'checkpoint': best,
            }
        )
    print(table(rows), flush=True)
    return 0


if __name__ == '__main__':
    run(main)
