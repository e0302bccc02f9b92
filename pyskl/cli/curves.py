"""Plot loss, accuracy and learning rate of one or more runs, or write all logged numbers as CSV.

pyskl curves work_dirs/a work_dirs/b --out curves.png
"""

import argparse
import csv
import io
from pathlib import Path

from pyskl.cli.entry import run
from pyskl.cli.report import names_of
from pyskl.files import check_output, write_text


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='folders of training runs')
    parser.add_argument('--out', type=Path, required=True, help='.png, .svg, .pdf or .csv file')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing --out')
    return parser.parse_args(argv)


def main() -> None:
    """Write the curves."""
    args = parse_args()
    kinds = ('.png', '.svg', '.pdf', '.csv')
    if args.out.suffix not in kinds:
        raise ValueError(f'--out {args.out} must end in {", ".join(kinds)}')
    check_output(args.out, args.overwrite)
    from pyskl.reports.scalars import read_scalars

    runs = {name: read_scalars(path) for name, path in zip(names_of(args.work_dirs), args.work_dirs, strict=True)}
    if args.out.suffix == '.csv':
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(['run', 'tag', 'epoch', 'value'])
        for name, scalars in runs.items():
            for tag, curve in scalars.items():
                rows.writerows([name, tag, f'{epoch:g}', f'{value:g}'] for epoch, value in zip(*curve, strict=True))
        write_text(args.out, text.getvalue())
    else:
        from pyskl.reports.charts import curves_chart, save

        save(curves_chart(runs), args.out)
    print(f'wrote {args.out}: {len(runs)} run{"s" if len(runs) > 1 else ""}')


if __name__ == '__main__':
    run(main)
