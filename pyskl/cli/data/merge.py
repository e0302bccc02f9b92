"""Merge annotation pickles: the shards that ``--shard I/N`` of a data tool wrote, or any others.

    pyskl data merge data/X.shard-*-of-8.pkl --out data/X.pkl

Shards are merged in the order of their numbers and give exactly the output of a run without ``--shard``, including its
``X.skipped.csv``; a missing shard is an error. Other pickles are merged in the given order. All clips are in memory at
once, which takes about the size of the files; for data larger than memory, write a store with pyskl pack.
"""

import argparse
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pyskl.cli.entry import run
from pyskl.converters.job import Skipped, left_out, shard_path, table_path, write_skipped
from pyskl.converters.output import add_out, check_out, summary, write_pickle
from pyskl.datasets.records.annotations import Splits, identifier, read_annotations
from pyskl.datasets.records.safe_pickle import load_numbers
from pyskl.datasets.records.store import is_store

Content = tuple[Sequence[dict], Splits | None]
EMPTY_BYTES = 1 << 14  # a pickle of splits without names is smaller
TABLE_HEAD = ['file', 'kind', 'reason']
_SHARD = re.compile(r'(.+)\.shard-(\d+)-of-(\d+)(\.[^.]*)?', re.ASCII)


def in_order(paths: Sequence[Path]) -> tuple[list[Path], bool]:
    """Return the files in merge order, and whether they are shards.

    Raises:
        ValueError: If only some are shards, they are of different outputs, or a shard is missing or repeated.
    """
    matches = {path: _SHARD.fullmatch(path.name) for path in paths}
    shards = {path: match for path, match in matches.items() if match}
    if len(set(paths)) < len(paths):
        twice = next(path for i, path in enumerate(paths) if path in paths[:i])
        raise ValueError(f'{twice} is given twice; remove one')
    if not shards:
        return list(paths), False
    if len(shards) < len(paths):
        other = next(path for path in paths if path not in shards)
        raise ValueError(f'{next(iter(shards))} is a shard and {other} is not; merge the shards separately first')
    jobs = {(match[1], match[3], match[4]): path for path, match in shards.items()}
    if len(jobs) > 1:
        a, b = list(jobs.values())[:2]
        raise ValueError(f'{a} and {b} are shards of different files; merge each file separately')
    ((_, count, _),) = jobs
    by_number: dict[int, Path] = {}
    for path, match in shards.items():
        if int(match[2]) in by_number:
            raise ValueError(f'{by_number[int(match[2])]} and {path} are the same shard')
        by_number[int(match[2])] = path
    missing = [number for number in range(1, int(count) + 1) if number not in by_number]
    if missing or len(by_number) > int(count):
        first = next(iter(shards))
        if not missing:
            raise ValueError(f'{first} is one of {count} shards, but {len(by_number)} are given')
        common = first.with_name(_common_name(first))
        listed = ', '.join(map(str, missing[:10])) + (', ...' if len(missing) > 10 else '')
        raise ValueError(
            f'{len(missing)} of {count} shards are missing: {listed}; the first would be '
            f'{shard_path(common, missing[0], int(count))}'
        )
    return [by_number[number] for number in sorted(by_number)], True


def _common_name(shard: Path) -> str:
    """``X.shard-2-of-8.pkl -> X.pkl``."""
    match = _SHARD.fullmatch(shard.name)
    return f'{match[1]}{match[4] or ""}'


def read(path: Path) -> Content:
    """Read records and splits of a pickle, which may be an empty shard.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not an annotation pickle.
    """
    splits = empty_splits(path)
    return read_annotations(path) if splits is False else ([], splits)


def empty_splits(path: Path) -> Splits | None | bool:
    """Read the splits of an empty shard; False if ``path`` is anything else.

    Raises:
        OSError, ValueError: As for :func:`read`.
    """
    if path.is_file() and path.stat().st_size < EMPTY_BYTES and not is_store(path):
        content = load_numbers(path)
        if isinstance(content, dict) and content.get('annotations') == []:
            splits = content.get('split')
            if splits is None or (isinstance(splits, dict) and not any(splits.values())):
                return splits
    return False


def join(contents: dict[Path, Content]) -> Content:
    """Concatenate all records, and their splits, in the order of the files.

    Raises:
        ValueError: If the files do not match: different splits, different joints, or a clip in two files.
    """
    first, (_, splits) = next(iter(contents.items()))
    records: list[dict] = []
    joined = None if splits is None else {split: [] for split in splits}
    seen: dict[object, Path] = {}
    form: tuple | None = None
    for path, (more, own) in contents.items():
        if (own is None) != (joined is None) or (own is not None and set(own) != set(joined)):
            raise ValueError(
                f'{first} has {_named(splits)} and {path} has {_named(own)}; they must have the same splits'
            )
        key = identifier(more) if more else None
        for record in more:
            name = record.get(key)
            if seen.setdefault(name, path) is not path:
                raise ValueError(f'clip {name!r} is in {seen[name]} and in {path}')
            is_form = _form(record)
            if is_form and form and is_form != form[0]:
                raise ValueError(
                    f'clip {form[1]!r} has {_form_text(form[0])}, but '
                    f'{name!r} of {path} has {_form_text(is_form)}; they must be equal'
                )
            form = form or (is_form and (is_form, name))
        records += more
        for split, members in (own or {}).items():
            joined[split] += members
    return records, joined


def _named(splits: Splits | None) -> str:
    return 'no splits' if splits is None else f'the splits {sorted(splits)}'


def _form(record: dict) -> tuple[int, int, bool] | None:
    """Joints, channels, and whether there is a score; None for a record whose joints are in another file."""
    keypoint = record.get('keypoint')
    if not isinstance(keypoint, np.ndarray) or keypoint.ndim < 2:
        return None
    return (*keypoint.shape[-2:], record.get('keypoint_score') is not None)


def _form_text(form: tuple[int, int, bool]) -> str:
    return f'{form[0]} joints with {form[1]} coordinates{" and a score" if form[2] else ""}'


def read_table(path: Path) -> list[Skipped]:
    """Read the rows of a ``skipped.csv``.

    Raises:
        ValueError: If it is not one.
    """
    try:
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode(errors='surrogateescape'), newline='')))
    except csv.Error as error:
        raise ValueError(f'{path} is not a table of skipped clips ({error})') from None
    if not rows or rows[0] != TABLE_HEAD or any(len(row) != len(TABLE_HEAD) for row in rows):
        raise ValueError(f'{path} is not a table of skipped clips; its columns must be {",".join(TABLE_HEAD)}')
    return [tuple(row) for row in rows[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=' '.join(__doc__.splitlines()[:1]))
    parser.add_argument('files', type=Path, nargs='+', metavar='X.pkl', help='shards of one file, or any pickles')
    add_out(parser)
    args = parser.parse_args()
    check_out(args)
    for path in args.files:
        if not path.exists():
            raise FileNotFoundError(f'{path} does not exist; give the shards or annotation pickles to merge')
    paths, are_shards = in_order(args.files)
    table = table_path(args.out)
    tables = {path: table_path(path) for path in paths if table_path(path).exists()}
    if tables and table.exists() and not args.overwrite and table not in tables.values():
        raise FileExistsError(f'{table} exists already; pass --overwrite to replace it, or choose another --out')
    skipped = [row for source in tables.values() for row in read_table(source)]
    records, splits = join({path: read(path) for path in tqdm(paths, desc='reading', unit=' files', disable=None)})
    if not records:
        raise ValueError(f'none of {len(paths)} files has a clip; the first is {paths[0]}')
    splits = write_pickle(args.out, records, splits)
    if tables:
        write_skipped(table, skipped)
    if all(np.ndim(record.get('keypoint')) == 4 for record in records):
        print(summary(records, splits))
    else:
        named = [f'split {split}: {len(members)}' for split, members in (splits or {}).items()]
        print('\n'.join([f'{len(records)} clips', *named]))
    if tables:
        print(left_out(skipped, len(records) + len(skipped), table))
    for path in paths if are_shards else ():
        if path not in tables:
            print(f'{table_path(path)} does not exist; clips skipped in this shard are not in the table')
    print(f'wrote {args.out}')


if __name__ == '__main__':
    run(main)
