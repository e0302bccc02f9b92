"""Output of a conversion command: its options, the annotation pickle, and a summary of the content."""

import argparse
import pickle
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pyskl.datasets.records.annotations import Splits, identifier, write_annotations
from pyskl.datasets.records.survey import span
from pyskl.files import replacing

_PLAIN = (bool, int, float, str, type(None))


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add ``--out`` and ``--overwrite``."""
    parser.add_argument('--out', type=Path, required=True, help='annotation pickle to write')
    parser.add_argument('--overwrite', action='store_true', help='replace an existing --out')


def check_out(args: argparse.Namespace) -> None:
    """Raise, before any work, if ``--out`` exists.

    Raises:
        FileExistsError: If it exists and ``--overwrite`` is off.
        IsADirectoryError: If it is a folder.
    """
    if args.out.is_dir():
        raise IsADirectoryError(f'--out {args.out} is a folder; name a file in it, such as {args.out / "data.pkl"}')
    if args.out.exists() and not args.overwrite:
        raise FileExistsError(
            f'--out {args.out} exists already; pass --overwrite to replace it, or choose another file'
        )


def write_pickle(path: Path, records: Sequence[dict], splits: Splits | None) -> Splits | None:
    """Write records and splits; return the splits as written.

    Args:
        path: The file; its folder is created.
        records: The annotations; an empty list, possible for a shard of a small set, writes a file for merge.py only.
        splits: Names by split, in any order, possibly of absent clips. Absent names are dropped and the rest put in
            the order of the records, so that concatenated shards have the order of an unsharded run.

    Raises:
        ValueError: If a record is invalid.
    """
    known: dict = {}
    records = [_settled(record, known) for record in records]
    if splits is not None:
        key = identifier(records) if records else None
        sets = {split: set(members) for split, members in splits.items()}
        names = [record[key] for record in records]
        splits = {_settled(split, known): [name for name in names if name in sets[split]] for split in splits}
    if records:
        write_annotations(path, records, splits)
        return splits
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        pickle.dump({'split': splits, 'annotations': []}, file, protocol=4)
    return splits


def _settled(value: object, known: dict) -> object:
    """Intern equal strings and tuples in ``value``, and normalise arrays and dtypes to NumPy's own.

    A pickle stores a repeated object as a reference, so without this the bytes would depend on which records came from
    the same file.
    """
    if isinstance(value, str):
        return known.setdefault(value, value)
    if isinstance(value, dict):
        return {_settled(key, known): _settled(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_settled(item, known) for item in value]
    if isinstance(value, tuple):
        items = tuple(_settled(item, known) for item in value)
        plain = all(type(item) in _PLAIN for item in items)
        return known.setdefault((tuple, repr(items)), items) if plain else items
    if isinstance(value, np.ndarray) and not value.dtype.hasobject and value.dtype.names is None:
        return value.view(np.ndarray).view(np.dtype(value.dtype.str))
    return value


def summary(records: Sequence[dict], splits: Splits | None, layout: str | None = None) -> str:
    """Summarise clips, classes, joints, frames, persons and splits, one line each.

    Args:
        records: The annotations, with ``keypoint``.
        splits: Names by split.
        layout: The skeleton's name.
    """
    if not records:
        return 'no clips'
    labels = Counter(record['label'] for record in records if record.get('label') is not None)
    shapes = [record['keypoint'].shape for record in records]
    frames = [shape[1] for shape in shapes]
    persons = Counter(shape[0] for shape in shapes)
    joints = ', '.join(f'{number}' for number in sorted({shape[2] for shape in shapes}))
    dims = ', '.join(f'{number}D' for number in sorted({shape[3] for shape in shapes}))
    lines = [
        f'{len(records)} clips, {len(labels)} classes, {joints} joints{f" ({layout})" if layout else ""}, {dims}',
        f'frames: {min(frames)} min, {np.median(frames):g} median, {max(frames)} max, {sum(frames)} total',
        f'persons per clip: {", ".join(f"{number} in {count}" for number, count in sorted(persons.items()))}',
    ]
    if labels:
        lines.append(f'clips per class: {span(labels.values())}')
        lines += _absent(labels)
    lines += [f'split {split}: {len(members)}' for split, members in (splits or {}).items()]
    return '\n'.join(lines)


def _absent(labels: Iterable[int]) -> list[str]:
    """Report classes without a clip, if there are any below the highest label."""
    absent = sorted(set(range(max(labels) + 1)) - set(labels))
    if not absent:
        return []
    shown = ', '.join(map(str, absent[:10])) + (', ...' if len(absent) > 10 else '')
    return [f'{len(absent)} classes have no clip: {shown}']
