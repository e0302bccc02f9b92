"""Write the confusion matrix of a score file or a run as an image, or as CSV.

pyskl confusion scores.pkl --out confusion.png --classes ntu60
pyskl confusion work_dirs/stgcn++/mine --out confusion.csv
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
    parser.add_argument('source', help='score file of `pyskl test --dump` or MMAction2, or a work_dir')
    parser.add_argument('--out', type=Path, required=True, help='.png, .svg or .pdf, or .csv for the counts')
    parser.add_argument('--classes', help='class names: a shipped list such as ntu60, or a file with one per line')
    parser.add_argument('--ann', metavar='FILE', help='annotation file with the labels, for scores of `test --out`')
    parser.add_argument('--split', metavar='NAME', help='split of --ann')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing --out')
    return parser.parse_args(argv)


def main() -> None:
    """Write the confusion matrix."""
    args = parse_args()
    kinds = ('.png', '.svg', '.pdf', '.csv')
    if args.out.suffix not in kinds:
        raise ValueError(f'--out {args.out} must end in {", ".join(kinds)}')
    check_output(args.out, args.overwrite, [args.source])
    from pyskl.evaluation.score_files import read_predictions
    from pyskl.reports.confusion import confusion_counts
    from pyskl.zoo.classes import class_names

    classes = None
    if Path(args.source).is_dir():
        from pyskl.cli.run_facts import WorkDir

        work_dir = WorkDir(args.source)
        predicted, classes = work_dir.predictions(), work_dir.classes
    else:
        predicted = read_predictions(args.source, args.ann, args.split)
    number = predicted.scores.shape[1]
    if args.classes or classes is None:
        classes = class_names(args.classes, number) if args.classes else [f'class {label}' for label in range(number)]
    counts = confusion_counts(predicted.scores, predicted.labels)
    if args.out.suffix == '.csv':
        text = io.StringIO()
        rows = csv.writer(text)
        rows.writerow(['true \\ predicted', *classes])
        rows.writerows([name, *row] for name, row in zip(classes, counts.tolist(), strict=True))
        write_text(args.out, text.getvalue())
    else:
        from pyskl.reports.charts import confusion_chart, save

        accuracy = 100 * counts.diagonal().sum() / counts.sum()
        save(confusion_chart(counts, classes, f'{len(predicted.labels)} clips, top-1 {accuracy:.2f} %'), args.out)
    print(f'wrote {args.out}: {len(predicted.labels)} clips, {number} classes')


if __name__ == '__main__':
    run(main)
