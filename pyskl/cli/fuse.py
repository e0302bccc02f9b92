"""Fuse the scores of several networks (streams) and print the accuracy of each and of their sum.

pyskl fuse --preds j.pkl b.pkl --weights 1 1
"""

import argparse

from pyskl.cli.entry import run


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--preds', nargs='+', required=True, metavar='FILE',
        help='score files of pyskl test --dump or --out, or of MMAction2 --dump',
    )  # fmt: skip
    parser.add_argument('--weights', nargs='+', type=float, help='one weight per file (default: all 1)')
    parser.add_argument('--softmax', action='store_true', help='convert logits to probabilities first')
    parser.add_argument('--ann', metavar='FILE', help='annotation file with the labels, for scores of `test --out`')
    parser.add_argument('--split', metavar='NAME', help='split of --ann')
    parser.add_argument(
        '--search', nargs='+', metavar='FILE',
        help='search the best weights with these score files: the same networks on another split',
    )  # fmt: skip
    return parser.parse_args(argv)


def main() -> None:
    """Fuse, and print the table."""
    args = parse_args()
    from pyskl.evaluation import fusion
    from pyskl.evaluation.score_files import read_predictions

    if args.search and args.weights:
        raise ValueError('--weights and --search exclude each other; pass one of them')
    if args.search and len(args.search) != len(args.preds):
        raise ValueError(f'--search needs as many files as --preds, {len(args.preds)}, got {len(args.search)}')
    if args.split and not args.ann:
        raise ValueError('--split needs --ann, the annotation file with that split')
    weights = fusion.check_weights(args.weights, len(args.preds))
    files = fusion.align([read_predictions(path, args.ann, args.split) for path in args.preds])
    scores = fusion.comparable(files, args.softmax)
    if args.search:
        others = fusion.align([read_predictions(path) for path in args.search])
        fusion.check_apart(others[0], files[0])
        weights = fusion.search_weights(fusion.comparable(others, args.softmax), others[0].labels)

    print(f'{len(files[0].labels)} clips, {scores[0].shape[1]} classes')
    print(f'{"weight":>6}  {"top-1":>6}  {"top-5":>6}  {"mean class":>10}')
    rows = [(f'{w:g}', score, file.source) for w, score, file in zip(weights, scores, files, strict=True)]
    for weight, score, source in [*rows, ('', fusion.fuse(scores, weights), 'fused')]:
        found = fusion.measure(score, files[0].labels)
        top1, top5, mean = (
            f'{100 * found[key]:.2f}' if key in found else '-' for key in ('top1', 'top5', 'mean_class')
        )
        print(f'{weight:>6}  {top1:>6}  {top5:>6}  {mean:>10}  {source}')


if __name__ == '__main__':
    run(main)
