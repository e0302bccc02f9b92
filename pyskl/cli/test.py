"""Test a checkpoint on the test clips of a config."""

import argparse
import os

from pyskl.cli.entry import run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', nargs='?', help='path or quoted glob (default: latest.pth in the work_dir)')
    parser.add_argument('-C', '--checkpoint', dest='checkpoint_option', help='the checkpoint as an option, as in PYSKL')
    parser.add_argument('--work-dir', help='folder of the run (default: work_dirs/ + path below configs/)')
    parser.add_argument('--out', help='.pkl, .json or .yaml file for the score arrays, in the order of the data set')
    parser.add_argument('--dump', help='.pkl, .json or .yaml file for dicts of frame_dir, label and score')
    parser.add_argument('--overwrite', action='store_true', help='replace existing files of --out and --dump')
    parser.add_argument(
        '--eval',
        nargs='+',
        metavar='METRIC',
        help='metrics (default: top_k_accuracy mean_class_accuracy); also per_class_accuracy, confusion_matrix, '
        'mean_average_precision, or registered by custom_imports',
    )
    parser.add_argument('--tmpdir', help=argparse.SUPPRESS)  # of PYSKL; here scores are gathered without files
    parser.add_argument('--average-clips', choices=['score', 'prob'], help='average logits or probabilities over clips')
    parser.add_argument(
        '--report',
        nargs='?',
        const=True,
        metavar='X.html',
        help='write an HTML report of the test (default: report.html in the work_dir)',
    )
    parser.add_argument('--fuse-conv-bn', action='store_true', help='fuse batch norms into convolutions')
    parser.add_argument(
        '--amp', nargs='?', const='auto', choices=['auto', 'bf16', 'fp16'], help='use mixed precision (default: auto)'
    )
    parser.add_argument('--compile', action='store_true', help='compile the recognizer with torch.compile')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load checkpoints that could run code')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='e.g. data.test.split=xview_val'
    )
    parser.add_argument(
        '--launcher', default='none', choices=['none', 'pytorch', 'slurm', 'mpi'],
        help='how the processes are started (default: none)',
    )  # fmt: skip
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main() -> None:
    """Test a checkpoint."""
    args = parse_args()
    # Imported after parsing, so that --help and invalid options are fast.
    from pyskl.apis import load_config, parse_options, test
    from pyskl.engine.distributed import world
    from pyskl.engine.run_record import RunRecord
    from pyskl.engine.run_result import last_checkpoint

    cfg = load_config(args.config, parse_options(args.cfg_options))
    if args.work_dir:
        cfg.work_dir = os.path.expanduser(args.work_dir)
    checkpoint = args.checkpoint or args.checkpoint_option or last_checkpoint(cfg)
    scores, overwrite = args.dump, args.overwrite
    if args.report:
        from pyskl.cli.report import (  # imported here, so that a missing package is reported before the test
            default_scores,
            report_of_test,
        )

        if scores is None:
            scores = default_scores(cfg)
            own = RunRecord(os.path.dirname(scores))
            if world()[0] == 0 and not os.path.lexists(scores):
                own.add(os.path.basename(scores))
            if own.owns(os.path.basename(scores)):
                overwrite = overwrite or [scores]
    test(
        cfg,
        checkpoint,
        metrics=args.eval,
        out=args.out,
        dump=scores,
        overwrite=overwrite,
        average_clips=args.average_clips,
        fuse=args.fuse_conv_bn,
        amp=args.amp,
        compile=args.compile,
        launcher=args.launcher,
        trust_checkpoint=args.trust_checkpoint,
    )
    if args.report and world()[0] == 0:
        out = None if args.report is True else args.report
        print(f'wrote {report_of_test(cfg, checkpoint, scores, out, args.trust_checkpoint)}')


if __name__ == '__main__':
    run(main)
