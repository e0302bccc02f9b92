"""List the models of the zoo: parameters, GMACs, published and measured accuracy in %, and published weights.

pyskl models '*ntu60_xsub_hrnet/j'
pyskl models stgcn++ --weights
pyskl models stgcn++_ntu60_xsub_hrnet/j --fetch
"""

import argparse
import json
from dataclasses import asdict

from pyskl.cli.entry import run
from pyskl.zoo.index import ModelEntry, select

PAGE = """# Models

All shipped configs, under the names that `pyskl train`, `pyskl test`, `pyskl models` and `pyskl.create_model` accept.
`python benchmarks/model_index.py` writes this page; `pyskl models PATTERN` prints the same table.

- parameters: of the whole network. GMACs: of the backbone, for one test clip of the config.
- published: top-1 in % (mean class accuracy where stated) from the authors' README.
- measured: top-1 in % by this project; `*` marks trainings that differ from the config, as stated below the table. The
  commands and machines are in [Results](results.md), [configs](../configs/README.md#measured-on-nw-ucla) and
  [Ske2Grid](../configs/Ske2Grid/README.md#nw-ucla-measured-here). Results of narrower networks are listed only there.
- weights: files of PYSKL and MMAction2, on their server, under their licence (Apache-2.0).
  `pyskl.create_model(NAME, pretrained=True)` downloads one to `PYSKL_HOME`, checks its sha256 and reads it without
  running code.
"""
HEADER = ('model', 'data', 'parameters', 'GMACs', 'published', 'measured', 'weights')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pattern', nargs='?', default='*', help='part of the name, or a shell pattern')
    parser.add_argument('--weights', action='store_true', help='list only models with published weights')
    parser.add_argument('--fetch', action='store_true', help='download the weights of the listed models')
    parser.add_argument('--format', choices=['text', 'markdown', 'json'], default='text', help='default: text')
    return parser.parse_args(argv)


def row(entry: ModelEntry) -> tuple[str, ...]:
    """Return a row of the table; unknown values are '-'."""

    def percent(value: float | None) -> str:
        digits = '' if value is None else f'{value:.2f}'
        return digits[:-1] if digits.endswith('0') else digits or '-'

    mean = ' (mean class)' if entry.metric.startswith('Mean') and entry.published is not None else ''
    return (
        entry.name,
        entry.dataset or '-',
        f'{entry.parameters / 1e6:.3f} M' if entry.parameters else '-',
        f'{entry.macs / 1e9:.2f}' if entry.macs else '-',
        percent(entry.published) + mean,
        percent(entry.measured) + ('*' if entry.measured_with else ''),
        (entry.source or 'yes') if entry.weights else '-',
    )


def footnotes(found: list[ModelEntry], pattern: str) -> list[str]:
    """Format a line for each measured result whose training differed from the config."""
    return [pattern.format(entry.name, entry.measured_with) for entry in found if entry.measured_with]


def text_table(found: list[ModelEntry]) -> str:
    """Format the table as aligned columns."""
    lines = [HEADER, *map(row, found)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    padded = ('  '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return '\n'.join([*(line.rstrip() for line in padded), *footnotes(found, '* {}: {}')])


def markdown_table(found: list[ModelEntry]) -> str:
    """Format the table as Markdown; weights are links."""
    lines = ['| ' + ' | '.join(HEADER) + ' |', '|---' * len(HEADER) + '|']
    for entry in found:
        cells = list(row(entry))
        cells[0] = f'`{cells[0]}`'
        if entry.weights:
            cells[-1] = f'[{cells[-1]}]({entry.weights})'
        lines.append('| ' + ' | '.join(cells) + ' |')
    notes = '<br>\n'.join(footnotes(found, r'\* `{}`: {}'))
    return '\n'.join([*lines, '', notes] if notes else lines)


def page() -> str:
    """Return the content of ``docs/models.md``: every model, one section per family."""
    families = list(dict.fromkeys(entry.family for entry in select()))
    sections = [PAGE]
    for family in families:
        sections.append(f'## {family}\n\n{markdown_table([e for e in select() if e.family == family])}\n')
    return '\n'.join(sections)


def main() -> None:
    """Print the table."""
    args = parse_args()
    found = [entry for entry in select(args.pattern) if entry.weights or not (args.weights or args.fetch)]
    if not found:
        extra = ' with published weights' if args.weights or args.fetch else ''
        raise ValueError(f'no model{extra} matches {args.pattern!r}; `pyskl models` lists all')
    if args.fetch:
        from pyskl.zoo.download import fetch

        for entry in found:
            print(f'{entry.name}: {fetch(entry.weights, entry.sha256)}', flush=True)
        return
    if args.format == 'json':
        print(json.dumps([asdict(entry) for entry in found], indent=2))
    else:
        print(markdown_table(found) if args.format == 'markdown' else text_table(found))


if __name__ == '__main__':
    run(main)
