"""Draw the grids of a trained Ske2Grid, i.e. which joints contribute to which cell, or write the weights as
CSV.

    pyskl grid work_dirs/quickstart/d5tod6 --out grid.png
"""

import argparse
import csv
import io
from pathlib import Path

from pyskl.cli.entry import run
from pyskl.files import check_output, write_text


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dir', metavar='WORK_DIR', help='folder of a training run')
    parser.add_argument('--checkpoint', help='path or quoted glob (default: the best, else the latest)')
    parser.add_argument('--out', type=Path, required=True, help='.png, .svg, .pdf or .csv file')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing --out')
    parser.add_argument('--trust-checkpoint', action='store_true', help='load checkpoints that could run code')
    return parser.parse_args(argv)


def main() -> None:
    """Draw the grids."""
    args = parse_args()
    kinds = ('.png', '.svg', '.pdf', '.csv')
    if args.out.suffix not in kinds:
        raise ValueError(f'--out {args.out} must end in {", ".join(kinds)}')
    check_output(args.out, args.overwrite)
    from pyskl.cli.report import pose_of
    from pyskl.cli.run_facts import WorkDir

    work_dir = WorkDir(args.work_dir, args.checkpoint, args.trust_checkpoint)
    stages, skeleton = work_dir.grid(), work_dir.skeleton
    if stages is None:
        raise ValueError(f'{args.work_dir} is a run of {work_dir.cfg.model.backbone.type}; only Ske2Grid has a grid')
    if args.out.suffix == '.csv':
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(['grid', 'row', 'column', *skeleton.joints])
        for stage in stages:
            name = f'{stage.shape[0]}x{stage.shape[1]}'
            for cell, weights in enumerate(stage.weights.tolist()):
                rows.writerow([name, *divmod(cell, stage.shape[1]), *(f'{weight:.6g}' for weight in weights)])
        write_text(args.out, text.getvalue())
    else:
        from pyskl.reports.charts import save
        from pyskl.reports.grid import grid_chart

        try:
            pose = pose_of(work_dir.clips())
        except OSError:
            pose = None  # the data file does not exist on this machine; draw the joints from the bones
        save(grid_chart(stages, skeleton, pose), args.out)
    print(f'wrote {args.out}: grids {" -> ".join("x".join(map(str, stage.shape)) for stage in stages)}')


if __name__ == '__main__':
    run(main)
