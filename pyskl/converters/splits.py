"""Training and validation splits: ``--split-by``.

- ``subject``: no subject is in both; ``--val-subjects a,b``, or a seeded ``--val-share`` of them.
- ``random``: a seeded ``--val-share`` of the clips of each class.
- ``split``: the column of that name.
- a file: a table ``name,split``; a JSON or YAML mapping, of names by split or of splits by name; or text with lines of
  ``name split``.

    add_split_options(parser)             # --split-by --val-share --val-subjects --seed
    check_split_options(args)             # before any work
    splits = splits_of(args, rows)        # rows of labels.py that have a clip; ALL of them, whatever the shard
    print(notes_on(splits, rows))
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from pyskl.converters.labels import Row, plain_name
from pyskl.converters.tables import read_table, read_text
from pyskl.datasets.records.annotations import Splits

SPLITS = ('train', 'val', 'test')
_MAX_NAMES = 10_000_000
_OTHER_WORDS = {'training': 'train', 'validation': 'val', 'valid': 'val', 'dev': 'val', 'testing': 'test'}


def add_split_options(parser: argparse.ArgumentParser, required: bool = True, view: bool = False) -> None:
    """Add ``--split-by``, ``--val-share``, ``--val-subjects``, ``--seed``.

    Args:
        parser: The tool's parser.
        required: Whether ``--split-by`` is required.
        view: Whether the tool can also split by views.
    """
    parser.add_argument(
        '--split-by',
        required=required,
        metavar=f'subject|{"view|" * view}random|split|FILE',
        help='subject: no subject is in train and val; random: a share of each class; split: the column; or a table '
        'name,split' + ('; view: no view of --name is in train and val, see --val-views' if view else ''),
    )
    parser.add_argument('--val-share', type=float, metavar='SHARE', help='of clips or subjects in val (default: 0.2)')
    parser.add_argument('--val-subjects', metavar='A,B', help='subjects in val; the rest are in train')
    parser.add_argument('--seed', type=int, default=0, help='seed of the random choice')


def check_split_options(args: argparse.Namespace) -> None:
    """Validate the options before any work.

    Raises:
        ValueError: If a number is out of range, or options contradict each other.
        OSError: If the file does not exist.
    """
    if args.val_share is not None and not 0 < args.val_share < 1:
        raise ValueError(f'--val-share must be between 0 and 1, got {args.val_share:g}')
    if args.seed < 0 or args.seed >= 1 << 32:
        raise ValueError(f'--seed must be 0 to {(1 << 32) - 1}, got {args.seed}')
    if args.val_subjects is not None and args.split_by != 'subject':
        raise ValueError('--val-subjects requires --split-by subject')
    if args.val_subjects is not None and args.val_share is not None:
        raise ValueError('--val-subjects and --val-share are mutually exclusive')
    if args.val_share is not None and args.split_by not in ('subject', 'random'):
        raise ValueError(f'--val-share requires --split-by subject or random, got --split-by {args.split_by}')
    if args.split_by is not None and args.split_by not in ('subject', 'random', 'split'):
        path = Path(args.split_by)
        if not path.is_file():
            raise FileNotFoundError(
                f'--split-by {path} must be subject, random, split, or an existing file; there is no such file'
            )


def splits_of(args: argparse.Namespace, rows: Sequence[Row]) -> Splits | None:
    """Return names by split; None without ``--split-by``.

    Args:
        args: Parsed options of :func:`add_split_options`.
        rows: Rows of all clips of all shards; the result does not depend on their order.

    Raises:
        ValueError: If the rows lack the column to split by, or a split file matches none of them.
    """
    if args.split_by is None:
        return None
    rows = sorted(rows, key=lambda row: row.name)
    share = 0.2 if args.val_share is None else args.val_share
    if args.split_by == 'random':
        return by_chance(rows, share, args.seed)
    if args.split_by == 'subject':
        return by_subject(rows, share, args.seed, args.val_subjects and args.val_subjects.split(','))
    if args.split_by == 'split':
        assigned = {row.name: row.split for row in rows if row.split is not None}
        where = "the column 'split'"
    else:
        assigned, where = read_splits(Path(args.split_by)), f'--split-by {args.split_by}'
    return by_name(rows, assigned, where)


def by_chance(rows: Sequence[Row], share: float, seed: int) -> Splits:
    """Put a share of each class's clips into ``val``: at least one, unless the class has only one clip.

    Raises:
        ValueError: If there are fewer than two clips.
    """
    if len(rows) < 2:
        raise ValueError(f'--split-by random needs at least two clips, got {len(rows)}')
    random = np.random.RandomState(seed)
    classes = defaultdict(list)
    for row in rows:
        classes[row.label if row.label is not None else -1].append(row.name)
    val = set()
    for label in sorted(classes):
        names = sorted(classes[label])
        val.update(names[index] for index in random.permutation(len(names))[: _part(len(names), share)])
    return _two(rows, {row.name: row.name in val for row in rows})


def by_subject(rows: Sequence[Row], share: float, seed: int, chosen: Sequence[str] | None = None) -> Splits:
    """Put the clips of some subjects into ``val``.

    Args:
        rows: Rows with subjects.
        share: Share of the subjects if ``chosen`` is empty; at least one subject.
        seed: Seed of the selection.
        chosen: Subjects in ``val``.

    Raises:
        ValueError: If a clip has no subject, a chosen one is unknown, or no subject is left for training.
    """
    nobody = [row.name for row in rows if row.subject is None]
    if nobody:
        raise ValueError(
            f'--split-by subject: {len(nobody)} of {len(rows)} clips have no subject, the first: {nobody[0]!r}; fill '
            f"the column 'subject'"
        )
    subjects = sorted({row.subject for row in rows}, key=lambda name: (len(name), name))  # sort 9 before 10
    if chosen is None:
        if len(subjects) < 2:
            raise ValueError(f'--split-by subject needs at least two subjects, got {subjects}')
        order = np.random.RandomState(seed).permutation(len(subjects))
        chosen = [subjects[index] for index in order[: _part(len(subjects), share)]]
    chosen = {name.strip() for name in chosen}
    unknown = sorted(chosen - set(subjects))
    if unknown or not chosen < set(subjects):
        found = f'{unknown[0]!r}, which no clip has' if unknown else 'all subjects, which leaves none for training'
        more = ', ...' if len(subjects) > 20 else ''
        raise ValueError(f'--val-subjects names {found}; the subjects are {", ".join(subjects[:20])}{more}')
    return _two(rows, {row.name: row.subject in chosen for row in rows})


def by_name(rows: Sequence[Row], assigned: dict[str, str], where: str) -> Splits:
    """Build the splits that a user listed; unlisted clips are in no split.

    Args:
        rows: Rows of the clips.
        assigned: Split by name; names are normalised by :func:`plain_name`, or only their last part.
        where: Source of ``assigned``, for messages.

    Raises:
        ValueError: If a split is not train, val or test, or no clip is in train.
    """
    splits = {'train': [], 'val': []}
    for row in rows:
        split = assigned.get(row.name, assigned.get(row.name.rsplit('/', 1)[-1]))
        if split is None:
            continue
        split = _OTHER_WORDS.get(split.lower(), split.lower())
        if split not in SPLITS:
            raise ValueError(f'{where} puts {row.name!r} into {split[:40]!r}; it must be train, val or test')
        splits.setdefault(split, []).append(row.name)
    if not any(splits.values()):
        first = f', which names {next(iter(assigned))!r} and others' if assigned else ', which names no clip'
        raise ValueError(f'{where}{first}, assigns none of the {len(rows)} clips to a split; they are {_few(rows)}')
    return splits


def read_splits(path: Path) -> dict[str, str]:
    """Read the split of each clip name from a table, a mapping or text.

    Raises:
        ValueError: If the file is not one of these, or puts a clip into two splits.
        OSError: If it cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix in ('.csv', '.tsv'):
        _, table = read_table(path, '--split-by', ('name', 'split'))
        return _collect(((cells['name'], cells['split']) for _, cells in table if cells['split']), path)
    text = read_text(path, '--split-by')
    if suffix in ('.json', '.yaml', '.yml'):
        try:
            content = json.loads(text) if suffix == '.json' else yaml.safe_load(text)
        except (ValueError, yaml.YAMLError, RecursionError) as error:
            raise ValueError(f'--split-by {path}: {" ".join(str(error).split())[:200]}') from None
        return _collect(_named(content, path), path)
    pairs = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(',', ' ').replace(';', ' ').rsplit(None, 1)
        if words and not line.startswith('#') and words != ['name', 'split']:
            if len(words) != 2:
                raise ValueError(
                    f"--split-by {path}, line {number}: {line[:60]!r} is not 'name split', such as clip_1 val"
                )
            pairs.append(words)
    return _collect(pairs, path)


def _named(content: object, path: Path) -> list[tuple[str, str]]:
    """Yield (name, split) of ``{split: [name]}``, ``{name: split}`` or ``[{name:, split:}]``."""
    if isinstance(content, dict) and all(isinstance(value, list) for value in content.values()):
        if sum(map(len, content.values())) > _MAX_NAMES:  # YAML aliases can repeat one list many times
            raise ValueError(f'--split-by {path} has more than {_MAX_NAMES} names')
        pairs = [(name, split) for split, names in content.items() for name in names]
    elif isinstance(content, dict):
        pairs = list(content.items())
    elif isinstance(content, list) and all(isinstance(entry, dict) for entry in content):
        pairs = [(entry.get('name'), entry.get('split')) for entry in content]
    else:
        pairs = [(None, None)]
    for pair in pairs:
        if not all(isinstance(part, str | int) and not isinstance(part, bool) for part in pair):
            raise ValueError(f"--split-by {path} must be {{'train': [names], 'val': [names]}} or {{name: split}}")
    return [(str(name), str(split)) for name, split in pairs]


def _collect(pairs: object, path: Path) -> dict[str, str]:
    assigned = {}
    for name, split in pairs:
        name, split = plain_name(name), split.strip()
        if assigned.setdefault(name, split) != split:
            raise ValueError(f'--split-by {path} puts {name!r} into {assigned[name]!r} and into {split!r}')
    return assigned


def _part(count: int, share: float) -> int:
    """Round the share of ``count``; neither 0 nor ``count`` if possible."""
    return min(max(round(count * share), 1), count - 1)


def _two(rows: Sequence[Row], in_val: dict[str, bool]) -> Splits:
    return {
        'train': [row.name for row in rows if not in_val[row.name]],
        'val': [row.name for row in rows if in_val[row.name]],
    }


def _few(rows: Sequence[Row]) -> str:
    return ', '.join(repr(row.name) for row in rows[:3]) + (', ...' if len(rows) > 3 else '')


def notes_on(splits: Splits | None, rows: Sequence[Row]) -> str:
    """Report the subjects in val, clips in no split, and classes that are tested but not trained. May be empty."""
    if splits is None:
        return ''
    lines = []
    place = {name: split for split, names in splits.items() for name in names}
    subjects = defaultdict(set)
    for row in rows:
        if row.subject is not None and row.name in place:
            subjects[place[row.name]].add(row.subject)
    if subjects['val']:
        names = sorted(subjects['val'], key=lambda name: (len(name), name))
        lines.append(f'subjects in val: {", ".join(names[:20])}{", ..." if len(names) > 20 else ""}')
        both = subjects['train'] & subjects['val']
        if both:
            lines.append(f'note: {len(both)} subjects are in both train and val; --split-by subject separates them')
    if not splits.get('train'):
        lines.append('note: no clip is in train')
    if not splits.get('val') and not splits.get('test'):
        lines.append('note: no clip is in val, so training cannot be validated')
    absent = len(rows) - len(place)
    if absent:
        lines.append(f'note: {absent} of {len(rows)} clips are in no split')
    labels = Counter((row.label, place[row.name] == 'train') for row in rows if row.name in place)
    untrained = sorted({label for label, train in labels if not train and not labels[label, True]} - {None})
    if untrained:
        shown = ', '.join(map(str, untrained[:10])) + (', ...' if len(untrained) > 10 else '')
        lines.append(f'note: {len(untrained)} classes are tested but have no clip in train: {shown}')
    return '\n'.join(lines)
