"""Check an annotation file before training: report its problems and its statistics.

    pyskl check data/nwucla/nwucla.pkl --config configs/ctrgcn/ctrgcn_pyskl_nwucla/j.py
    pyskl check X.pkl --fix X_fixed.pkl --drop-duplicates --json report.json

Exit status: 0: no problem; 1: training would fail; 2: training would run, but its results would be misleading, because
clips of the evaluation split are also in the training split (under any name), or equal clips have different labels.
With --config its splits are compared, otherwise every train split with the val and test splits of its protocol.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pyskl.cli.entry import run
from pyskl.datasets.fit import checks_for, judge
from pyskl.datasets.pipelines.base import Compose
from pyskl.datasets.pipelines.precomputed import written
from pyskl.datasets.records.annotations import write_annotations
from pyskl.datasets.records.audit import (
    FAILS,
    MISLEADS,
    NOTE,
    Finding,
    all_findings,
    fixed_records,
    status,
    unused_classes,
)  # fmt: skip
from pyskl.datasets.records.checks import drawing_checks, nobody_check
from pyskl.datasets.records.safe_pickle import load_numbers
from pyskl.datasets.records.store import RecordStore, is_store
from pyskl.datasets.records.survey import Survey, guess_layouts, histogram, members_of, span, survey, usual_layout
from pyskl.errors import one_line
from pyskl.files import replacing
from pyskl.skeletons import SKELETONS

BAR_CLIPS = 3000  # show a progress bar for more clips
SHOWN = 5  # names to print per finding; --json has all
BAR_WIDTH = 40
HEADINGS = {FAILS: 'training would fail', MISLEADS: 'results would be misleading', NOTE: 'notes'}


def read_leniently(path: Path) -> tuple[Sequence, dict | None, list[Finding]]:
    """Read records, splits, and problems of the file as a whole; records and splits are not validated yet.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a pickle of numbers, has no list of records, or is a damaged store.
    """
    if path.is_file() and is_store(path):
        return read_store(path)
    content = load_numbers(path, key='FILE')
    splits = content.get('split') if isinstance(content, dict) else None
    records = content.get('annotations') if isinstance(content, dict) else content
    if not isinstance(records, list | tuple) or not records:
        raise ValueError(f"{path} has no records; it must be a dict with 'split' and 'annotations', or a list of dicts")
    for record in records:
        if isinstance(record, dict):
            for key, value in record.items():
                record[key] = value.view(np.ndarray) if isinstance(value, np.ndarray) else value
    found = []
    if splits is not None and not isinstance(splits, dict):
        found.append(Finding(FAILS, f"'split' must be a dict of lists of names, got {type(splits).__name__}"))
        splits = None
    kinds = list | tuple | set | frozenset | np.ndarray
    broken = [str(name) for name, members in (splits or {}).items() if not isinstance(members, kinds)]
    if broken:
        found.append(Finding(FAILS, 'splits that are not lists of names', broken))
    if splits is not None:
        splits = {str(name): list(members) for name, members in splits.items() if isinstance(members, kinds)}
    return list(records), splits, found


def read_store(path: Path) -> tuple[RecordStore, dict | None, list[Finding]]:
    """Read records, splits, and notes of a store.

    Raises:
        ValueError: If a checksum is wrong.
    """
    store = RecordStore(path)
    damaged = [item for item in store.damage() if item is not None]
    if damaged:
        raise ValueError(
            f'{path} is damaged in {len(damaged)} places, first in {damaged[0]!r} (pyskl pack --verify lists '
            f'them); copy it again, or pack {store.source} again'
        )
    taken = [Finding(NOTE, f'a store of clips processed by {written(store.steps)}')] if store.steps else []
    return store, store.split_names(), taken


def with_bar(numbers: Iterable) -> Iterable:
    """Iterate over ``numbers``, with a progress bar if there are many."""
    return tqdm(numbers, desc='clips', unit=' clips', disable=None if len(numbers) > BAR_CLIPS else True)


def compare_with_config(
    path: Path, config: Path, table: Survey, records: Sequence, splits: dict | None
) -> tuple[list, np.ndarray, list[Finding]]:
    """Compare the file with a config, as the start of training does (:mod:`pyskl.datasets.fit`), but for all clips.

    If the config uses other files only, FILE replaces them. Finally the data sets are built and run through the
    network.

    Returns:
        The pairs of splits to compare (see :func:`all_findings`), the records in use, and the findings.

    Raises:
        ValueError: If the config cannot be read.
    """
    import torch  # the engine takes seconds to import

    from pyskl.engine.build import build_dataset, build_recognizer, network_needs
    from pyskl.engine.config.data import dataset_config
    from pyskl.engine.config.load import PHASES, datasets_in, load_config

    cfg = load_config(config)
    inside, _ = members_of(table.names, splits)
    sections = {
        phase: [d for d in datasets_in(dataset_config(cfg, phase) or {}) if 'ann_file' in d] for phase in PHASES
    }
    own = [d for found in sections.values() for d in found if Path(str(d['ann_file'])).resolve() == path.resolve()]
    found, use, misfits = [], {}, {}
    if not own:
        others = sorted({str(d['ann_file']) for datasets in sections.values() for d in datasets})
        found.append(Finding(NOTE, f'the config uses other files, which {path} replaces', others))
    needs, recognizer = {}, None
    try:
        needs = network_needs(cfg)
        recognizer = build_recognizer(cfg, torch.device('cpu'), seed=0)
    except ValueError as error:
        found.append(Finding(FAILS, f'the network cannot be built: {one_line(error)}'))
    for phase, datasets in sections.items():
        members, names, fails = [], [], False
        for dataset in datasets:
            if own and not any(dataset is d for d in own):
                continue
            dataset['ann_file'] = str(path)
            split = dataset.get('split')
            names.append('all records' if split is None else str(split))
            rows = np.arange(len(table.names)) if split is None else inside.get(str(split), np.zeros(0, np.int64))
            members.append(rows)
            if split is not None and str(split) not in inside:
                found.append(
                    Finding(FAILS, f'data.{phase}.split={split!r} is not in the file; it has {sorted(inside)}')
                )
            fails |= collect_misfits(misfits, table, records, rows, dataset, {**needs, 'need_labels': phase == 'train'})
        if members:
            use[phase] = (' + '.join(names), np.unique(np.concatenate(members)))
        try:
            if datasets and not fails:
                build_dataset(cfg, phase, recognizer)
        except Exception as error:  # training would raise it too
            kind = '' if isinstance(error, ValueError | OSError) else f'{type(error).__name__}: '
            found.append(Finding(FAILS, f'data.{phase} cannot be built: {kind}{one_line(error)}'))
    pairs = {use[phase][0]: (*use['train'], *use[phase]) for phase in ('val', 'test') if {'train', phase} <= set(use)}
    used = np.unique(np.concatenate([members for _, members in use.values()] or [np.zeros(0, np.int64)]))
    found += misfit_findings(table, misfits)
    found += unused_classes(table, used, needs.get('num_classes'))
    return list(pairs.values()), used, found


Misfits = dict[tuple[str, str], dict[int, str]]  # (severity, kind of problem) -> row -> details


def collect_misfits(
    misfits: Misfits, table: Survey, records: Sequence, rows: np.ndarray, dataset: dict, needs: dict
) -> bool:
    """Add the problems of ``rows`` with a data set's pipeline and the network; return whether training would fail."""
    rows = rows[[row not in table.problems for row in rows.tolist()]] if table.problems else rows
    try:
        transforms = Compose(dataset.get('pipeline') or []).transforms
    except ValueError:  # build_dataset raises the error
        return False
    if dataset.get('multi_class'):
        needs = {**needs, 'num_classes': None}
    found = judge([(0, table.clips(rows, records.__getitem__))], checks_for(transforms, **needs), most=len(rows))
    for misfit in found:
        if misfit.severity == NOTE and misfit.check.what == nobody_check().what:
            continue  # also in all_findings
        places = misfits.setdefault((misfit.severity, misfit.check.what), {})
        places.update((int(rows[row]), detail) for row, detail in misfit.rows)
    return any(misfit.severity == FAILS for misfit in found)


def misfit_findings(table: Survey, misfits: Misfits) -> list[Finding]:
    """Convert the result of :func:`collect_misfits` to findings."""
    return [
        Finding(severity, what, [f'{table.names[row]} ({detail})' for row, detail in sorted(places.items())])
        for (severity, what), places in misfits.items()
    ]


def numbers_findings(table: Survey, records: Sequence) -> list[Finding]:
    """Find suspicious coordinates and scores, independent of the config.

    Clips without ``img_shape`` are checked only for 2D joints, which may be relative to the image size.
    """
    dims, _ = guess_layouts(table)
    rows = np.array([row for row in range(len(table.names)) if row not in table.problems], np.int64)
    checks = [nobody_check()]
    if dims == 2:
        checks += [check for check in drawing_checks() if check.needs is not None]
    found = judge([(0, table.clips(rows, records.__getitem__))], checks, most=len(rows))
    return [
        Finding(
            MISLEADS if misfit.severity == FAILS else NOTE,
            misfit.check.what,
            [f'{table.names[rows[row]]} ({detail})' for row, detail in misfit.rows],
        )
        for misfit in found
        if misfit.severity == FAILS
    ]


def describe(path: Path, table, splits: dict | None) -> dict:
    """Statistics of the file."""
    known = table.shapes[:, 2] > 0
    dims, layouts = guess_layouts(table)
    labels, counts = np.unique(table.labels[table.labels >= 0], return_counts=True)
    persons, clips = np.unique(table.persons[known], return_counts=True)
    seen = known & (table.persons > 0)
    inside, _ = members_of(table.names, splits)
    return {
        'file': str(path),
        'clips': len(table.names),
        'joints': usual_layout(table)[0],
        'dims': dims,
        'layouts': layouts,
        'frames': histogram(table.shapes[known, 1]),
        'frames_median': float(np.median(table.shapes[known, 1])) if known.any() else 0.0,
        'frames_total': int(table.shapes[known, 1].sum()),
        'persons': dict(zip(persons.tolist(), clips.tolist(), strict=True)),
        'classes': dict(zip(labels.tolist(), counts.tolist(), strict=True)),
        'splits': {split: len(members) for split, members in inside.items()},
        'missing': float(table.missing[seen].mean()) if seen.any() else 0.0,
        'missing_by_joint': np.round(table.missing_joints, 6).tolist(),
    }


def bars(rows: list[tuple[str, int]]) -> list[str]:
    """Format a text histogram."""
    most = max((count for _, count in rows), default=1)
    width = max((len(name) for name, _ in rows), default=0)
    return [f'  {name:>{width}} {"#" * -(-count * BAR_WIDTH // max(most, 1))} {count}' for name, count in rows]


def text(report: dict, findings: list[Finding]) -> str:
    """Format the human-readable report."""
    classes = report['classes']
    shares = f', {span(classes.values())} clips each' if classes else ''
    joints = [*SKELETONS[report['layouts'][0]].joints] if report['layouts'] else range(report['joints'])
    worst = sorted(zip(report['missing_by_joint'], joints, strict=False), key=lambda pair: -pair[0])[:SHOWN]
    layout = ' or '.join(report['layouts']) or 'no shipped layout'
    frames = report['frames'] or [(0, 0, 0)]
    lines = [
        f'{report["file"]}: {report["clips"]} clips, {report["joints"]} joints, {report["dims"]}D: {layout}',
        f'frames: {frames[0][0]} min, {report["frames_median"]:g} median, {frames[-1][1]} max, '
        f'{report["frames_total"]} total',
        *bars([(f'{first}-{last}' if last > first else str(first), count) for first, last, count in frames]),
        'visible persons per clip:',
        *bars([(str(persons), count) for persons, count in report['persons'].items()]),
        f'{len(classes)} classes{shares}',
        *bars([(str(label), count) for label, count in classes.items()]),
        *(f'split {split}: {count}' for split, count in report['splits'].items()),
        f'missing joints: {report["missing"]:.2%} of those of visible persons',
        *(f'  {joint}: {share:.2%}' for share, joint in worst if share >= 5e-5),
    ]
    for severity, heading in HEADINGS.items():
        of_kind = [finding for finding in findings if finding.severity == severity]
        lines += [f'{heading}:'] if of_kind else []
        for finding in of_kind:
            count = f'{len(finding.names)}: ' if finding.names else ''
            lines.append(f'  {count}{finding.what}')
            lines += [f'    {name}' for name in finding.names[:SHOWN]]
            if len(finding.names) > SHOWN:
                lines.append(f'    and {len(finding.names) - SHOWN} more')
    return '\n'.join(lines if findings else [*lines, 'no problems found'])


def check_free(source: Path, target: Path | None, option: str, overwrite: bool) -> None:
    """Check, before any work, that an output file may be written.

    Raises:
        FileExistsError: If ``target`` exists and ``overwrite`` is False, or it is the input file.
        IsADirectoryError: If it is a folder.
    """
    if target is None or not target.exists():
        return
    if target.is_dir():
        raise IsADirectoryError(f'{option} {target} is a folder; name a file in it')
    if not overwrite or target.samefile(source):
        raise FileExistsError(
            f'{option} {target} exists already; choose another file, or pass --overwrite to replace it (never FILE)'
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('file', type=Path, metavar='FILE', help='annotation pickle or store')
    parser.add_argument('--config', type=Path, help='compare with layout, classes, channels and splits of this config')
    parser.add_argument('--fix', type=Path, metavar='OUT', help='write a fixed copy; the exit status is that of FILE')
    parser.add_argument(
        '--first-label', type=int, default=0, metavar='N', help='with --fix: labels count from N, not from 0'
    )
    parser.add_argument(
        '--drop-duplicates', action='store_true',
        help='with --fix: remove copies of training clips from the evaluation splits',
    )  # fmt: skip
    parser.add_argument('--json', type=Path, metavar='REPORT', help='write the report with all names as JSON')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing OUT or REPORT')
    args = parser.parse_args()
    if args.drop_duplicates and not args.fix:
        raise ValueError('--drop-duplicates needs --fix OUT')
    if args.first_label and not args.fix:
        raise ValueError('--first-label needs --fix OUT')
    for option in ('fix', 'json'):
        check_free(args.file, getattr(args, option), f'--{option}', args.overwrite)
    records, splits, findings = read_leniently(args.file)
    table = survey(records, with_bar)
    pairs = used = None
    if args.config:
        pairs, used, more = compare_with_config(args.file, args.config, table, records, splits)
        findings += more
    else:
        findings += numbers_findings(table, records)
    findings += all_findings(table, splits, pairs, used)
    report = describe(args.file, table, splits)
    print(text(report, findings))
    if args.json:
        report['findings'] = [vars(finding) for finding in findings]
        with replacing(args.json) as file:
            file.write(json.dumps({**report, 'status': status(findings)}, indent=1).encode())
        print(f'wrote {args.json}')
    if args.fix:
        lowest = table.labels[table.labels >= 0].min(initial=args.first_label)
        if lowest < args.first_label:
            raise ValueError(f'--first-label {args.first_label} is too high: a clip has label {lowest}')
        if isinstance(records, RecordStore) and records.steps:
            raise ValueError(
                f'--fix needs the original pickle: {args.file} has clips processed by {written(records.steps)}'
            )
        fixed, left, done = fixed_records(records, splits, table, args.drop_duplicates, args.first_label)
        if not fixed:
            raise ValueError(f'no clip of {args.file} is valid after fixing; {args.fix} is not written')
        write_annotations(args.fix, fixed, left)
        for what, names in done.items():
            print(f'{len(names)}: {what}', *(f'    {name}' for name in names[:SHOWN]), sep='\n')
        print(f'wrote {args.fix}: {len(fixed)} of {len(records)} clips')
    return status(findings)


if __name__ == '__main__':
    run(main)
