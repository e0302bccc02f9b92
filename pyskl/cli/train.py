"""Train a recognizer from a config file; the same command resumes an interrupted run."""

import argparse
import os

from pyskl.cli.entry import run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder of logs and checkpoints (default: work_dirs/ + path below configs/)')
    validate = parser.add_mutually_exclusive_group()
    validate.add_argument('--validate', action='store_true', help='validate (default if the config has evaluation)')
    validate.add_argument('--no-validate', action='store_true', help='do not validate')
    parser.add_argument('--test-last', action='store_true', help='test the last checkpoint at the end')
    parser.add_argument('--test-best', action='store_true', help='test the best checkpoint at the end')
    parser.add_argument(
        '--resume', nargs='?', const=True, metavar='PATH',
        help='resume from a checkpoint (default: the newest in the work_dir)',
    )  # fmt: skip
    parser.add_argument('--overwrite', action='store_true', help='start over in a work_dir that has a run')
    parser.add_argument('--seed', type=int, help='seed of weights, order and augmentation (default: random, logged)')
    parser.add_argument('--diff-rank-seed', action='store_true', help='use different dropout masks in each process')
    parser.add_argument('--deterministic', action='store_true', help='use deterministic kernels')
    parser.add_argument(
        '--amp', nargs='?', const='auto', choices=['auto', 'bf16', 'fp16'], help='use mixed precision (default: auto)'
    )
    parser.add_argument('--compile', action='store_true', help='compile the recognizer with torch.compile')
    parser.add_argument('--auto-scale-lr', action='store_true', help='multiply lr by batch size / base_batch_size')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load checkpoints that could run code')
    parser.add_argument('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='e.g. data.videos_per_gpu=8')
    parser.add_argument(
        '--launcher', default='none', choices=['none', 'pytorch', 'slurm', 'mpi'],
        help='how the processes are started (default: none)',
    )  # fmt: skip
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def ending(result) -> str:
    """Format the best and the last validation of a run, and their checkpoints, as a table."""
    best = result.best or {}
    last = next((value for key, value in result.metrics.items() if key == best.get('metric')), None)
    rows = [('', best.get('metric') or '', 'checkpoint')]
    if result.best_checkpoint:
        value = best.get('value')
        rows.append(('best', '' if value is None else f'{value:.4f}', result.best_checkpoint))
    if result.last_checkpoint:
        rows.append(('last', '' if last is None else f'{last:.4f}', os.path.relpath(result.last_checkpoint)))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return '\n'.join(f'{a:<{widths[0]}}  {b:<{widths[1]}}  {c}' for a, b, c in rows)


def main() -> None:
    """Train, then test if requested."""
    args = parse_args()
    # Imported after parsing, so that --help and invalid options are fast.
    from pyskl.apis import load_config, parse_options, test, train
    from pyskl.engine.config.settings import validates
    from pyskl.engine.distributed import world
    from pyskl.engine.run_record import RunRecord
    from pyskl.engine.run_result import best_checkpoint, last_checkpoint

    cfg = load_config(args.config, parse_options(args.cfg_options))
    if args.work_dir:
        cfg.work_dir = os.path.expanduser(args.work_dir)
    validate = args.validate or (validates(cfg) and not args.no_validate)
    if args.test_best and not validate:
        raise ValueError('--test-best needs validation; remove --no-validate, or set evaluation in the config')
    if (args.test_best or args.test_last) and not (cfg.get('data') or {}).get('test'):
        raise ValueError('--test-last and --test-best need data.test in the config')
    tested = [name for asked, name in ((args.test_last, 'last'), (args.test_best, 'best')) if asked]
    for name in tested:
        if os.path.lexists(f'{cfg.work_dir}/{name}_pred.pkl') and not RunRecord(cfg.work_dir).owns(f'{name}_pred.pkl'):
            raise ValueError(
                f'--test-{name} would overwrite {cfg.work_dir}/{name}_pred.pkl, which is not of a run; move it'
            )
    result = train(
        cfg,
        validate=validate,
        overwrite=args.overwrite,
        resume=args.resume,
        seed=args.seed,
        diff_rank_seed=args.diff_rank_seed,
        deterministic=args.deterministic,
        amp=args.amp,
        compile=args.compile,
        auto_scale_lr=args.auto_scale_lr,
        launcher=args.launcher,
        trust_checkpoint=args.trust_checkpoint,
    )
    if world()[0] == 0:
        print(ending(result), flush=True)
    for name in tested:
        path = last_checkpoint(cfg) if name == 'last' else best_checkpoint(cfg)
        if path is None:
            raise ValueError(f'--test-best: {cfg.work_dir} has no best checkpoint')
        if world()[0] == 0:
            RunRecord(cfg.work_dir).add(f'{name}_pred.pkl')
        out = f'{cfg.work_dir}/{name}_pred.pkl'
        test(cfg, path, out=out, overwrite=True, amp=args.amp, launcher=args.launcher)


if __name__ == '__main__':
    run(main)
