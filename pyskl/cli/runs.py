"""List the runs in and below folders: network, epochs, best and last result.

pyskl runs work_dirs/
"""

import argparse
import sys

from pyskl.cli.entry import run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folders', nargs='*', default=['work_dirs'], metavar='FOLDER', help='default: work_dirs')
    parser.add_argument('--sort', choices=['path', 'best', 'started'], default='path', help='order (default: path)')
    args = parser.parse_args()
    from pyskl.reports.runs import find_runs, table

    runs, problems = find_runs(args.folders)
    for line in problems:
        print(f'warning: {line}', file=sys.stderr)
    if args.sort == 'best':
        runs.sort(key=lambda run: (run.metric or '', -(run.best if run.best is not None else -1.0)))
    elif args.sort == 'started':
        runs.sort(key=lambda run: run.started)
    print(table(runs) if runs else f'no runs in {", ".join(args.folders)}: no folder has a run.json of pyskl train')


if __name__ == '__main__':
    run(main)
