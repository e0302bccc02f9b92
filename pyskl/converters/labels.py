"""labels.csv: name, label and subject of each clip.

    name,label,subject,split,width,height,num_frames
    clip_0001,wave,anna,,1920,1080,
    clip_0002,3,...

``name`` and ``label`` are required, the rest is optional, other columns are ignored. Commas, semicolons or tabs. A
label is a class index from 0 or a class name; names are numbered alphabetically, or in the order of ``--classes``, and
written to ``X.classes.txt``, one per line.

    add_label_options(parser)                           # --labels --classes
    labels = labels_of(args)                            # rows, class names, and invalid rows
    items = pair_up(labels, {'clip_0001': path, ...})   # (path, Row) or (what, why): for convert()
    ...
    path, row = paired(item)                            # in the worker; raises LeftOut for (what, why)
    write_classes(args, labels)                         # at the end
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyskl.converters.job import UNMATCHED, LeftOut
from pyskl.converters.tables import read_table, read_text
from pyskl.files import replacing

COLUMNS = ('name', 'label', 'subject', 'split', 'width', 'height', 'num_frames')
MAX_CLASSES = 100_000
MAX_PIXELS = 1_000_000
MAX_FRAMES = 1_000_000
# Suffixes of names that are not part of a clip's name.
SUFFIXES = (
    '.json', '.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.npy', '.npz', '.mat', '.csv',
    '.skeleton',
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Name, label and metadata of a clip.

    Args:
        name: :func:`plain_name` of the name given; becomes ``frame_dir``.
        label: Class index; None if unknown.
        subject: The performer.
        split: ``train``, ``val``, ``test`` or what the user wrote.
        size: (height, width) of the image in pixels.
        num_frames: Number of frames of the clip.
    """

    name: str
    label: int | None
    subject: str | None = None
    split: str | None = None
    size: tuple[int, int] | None = None
    num_frames: int | None = None


@dataclass(frozen=True)
class Labels:
    """Content of a label file.

    Args:
        source: Name of the file, for messages.
        rows: One row per clip, in the order of the file.
        columns: Those of :data:`COLUMNS` that are present.
        classes: Class names by index; None if the labels were numbers and no ``--classes`` was given.
        bad: (where, why) of the invalid lines.
        notes: Lines for the user.
    """

    source: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    classes: tuple[str, ...] | None
    bad: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def add_label_options(parser: argparse.ArgumentParser, required: bool = True) -> None:
    """Add ``--labels`` and ``--classes``."""
    parser.add_argument(
        '--labels', type=Path, required=required, metavar='CSV', help=f'table with a header: {",".join(COLUMNS)}'
    )
    add_class_option(parser)


def add_class_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--classes``."""
    parser.add_argument(
        '--classes',
        type=Path,
        metavar='FILE',
        help='class names, one per line, class 0 first (default: by name)',
    )


def labels_of(args: argparse.Namespace) -> Labels:
    """Read the files of ``--labels`` and ``--classes``; call this after ``check_job_options``.

    Raises:
        ValueError: If a file is not such a table, or no row is valid.
        OSError: If one cannot be read, or ``X.classes.txt`` exists with other classes.
    """
    labels = read_labels(args.labels, read_classes(args.classes) if args.classes else None)
    check_classes_free(args, labels.classes)
    return labels


def plain_name(text: str) -> str:
    """Normalise a clip's name, ``wave/01.mp4 -> wave/01``: slashes, no leading ``./``, no file suffix."""
    name = text.strip().replace('\\', '/')
    while name.startswith('./'):
        name = name[2:]
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def read_classes(path: Path) -> tuple[str, ...]:
    """Read class names, one per line.

    Raises:
        ValueError: If there are none, or one is repeated.
    """
    names = tuple(line.strip() for line in read_text(path, '--classes').splitlines() if line.strip())
    if not names:
        raise ValueError(f'--classes {path} has no class names; write one per line')
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f'--classes {path} has {twice[0]!r} twice')
    return names


def read_labels(path: Path, classes: Sequence[str] | None = None) -> Labels:
    """Read the rows of a labels.csv.

    Args:
        path: The file.
        classes: Class names by index, if given.

    Raises:
        ValueError: If it is not such a table, or none of its rows is valid.
        OSError: If it cannot be read.
    """
    return labels_from(path, *read_table(path, '--labels', ('name', 'label')), classes)


def labels_from(
    path: Path,
    columns: Sequence[str],
    table: Sequence[tuple[int, dict[str, str]]],
    classes: Sequence[str] | None = None,
) -> Labels:
    """Convert a table to rows: see :func:`read_labels`, :func:`read_table`."""
    numbers, names, numbering = number_classes([cells['label'] for _, cells in table], classes)
    rows, bad, lines = {}, [], defaultdict(list)
    for (line, cells), label in zip(table, numbers, strict=True):
        where = f'{path} line {line}'
        try:
            row = _row(cells, label)
        except ValueError as why:
            bad.append((where, str(why)))
            continue
        lines[row.name].append((where, line, row))
    for name, found in lines.items():
        (_, first, row), *more = found
        if any(other != row for _, _, other in more):  # there is no way to tell which one is right
            several = ', '.join(str(line) for _, line, _ in found[:5])
            bad += [(where, f'name {name!r} is in lines {several}, which differ') for where, _, _ in found]
            continue
        bad += [(where, f'name {name!r} repeats line {first}') for where, _, _ in more]
        rows[name] = row
    if not rows:
        why = f'; the first: {bad[0][0]}: {bad[0][1]}' if bad else ''
        raise ValueError(f'--labels {path} has no valid row{why}')
    unused = [column for column in columns if column and column not in COLUMNS]
    notes = [f'ignored columns of {path}: {", ".join(unused[:8])}'] if unused else []
    there = tuple(column for column in COLUMNS if column in columns)
    return Labels(str(path), tuple(rows.values()), there, names, tuple(bad), (*notes, *numbering))


def _row(cells: Mapping[str, str], label: int | str) -> Row:
    """Build a row; raise ValueError if a cell is invalid."""
    name = plain_name(cells['name'])
    if not name:
        raise ValueError('no name')
    if isinstance(label, str):
        raise ValueError(label)
    width, height = (_integer(cells, column, MAX_PIXELS) for column in ('width', 'height'))
    if (width is None) != (height is None):
        raise ValueError('width and height must be given together; one is missing')
    return Row(
        name,
        label,
        cells.get('subject') or None,
        cells.get('split') or None,
        None if width is None else (height, width),
        _integer(cells, 'num_frames', MAX_FRAMES),
    )


def _integer(cells: Mapping[str, str], column: str, most: int) -> int | None:
    text = cells.get(column)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 12 and 1 <= int(text) <= most):
        raise ValueError(f'{column} {text[:40]!r} must be an integer from 1 to {most}')
    return int(text)


def is_index(text: str) -> bool:
    """Whether a label is an integer, such as ``7`` or ``-1``."""
    return text.isascii() and text.removeprefix('-').isdigit()


def number_classes(
    texts: Sequence[str], classes: Sequence[str] | None = None
) -> tuple[list[int | str], tuple[str, ...] | None, list[str]]:
    """Convert labels, given as indices or as names, to class indices.

    Args:
        texts: One label per clip.
        classes: Class names by index, if given.

    Returns:
        The index of each label, or the reason why it has none; the class names, None if labels are indices and
        ``classes`` is None; lines for the user.
    """
    indices = sum(map(is_index, texts))
    by_name = indices * 2 < len(texts) or (classes is not None and not indices)
    if not by_name:
        most = len(classes) if classes is not None else MAX_CLASSES
        return [_index(text, most) for text in texts], None if classes is None else tuple(classes), []
    known = set(classes or ())
    names = tuple(classes) if classes is not None else tuple(sorted({t for t in texts if t and not is_index(t)}))
    number = {name: index for index, name in enumerate(names)}
    numbers = []
    for text in texts:
        if text in number:
            numbers.append(number[text])
        elif not text:
            numbers.append('no label')
        elif known:
            numbers.append(f'label {text[:40]!r} is not in --classes')
        else:
            numbers.append(f'label {text!r} is a number, but most labels are names')
    shown = ', '.join(f'{index} {name}' for index, name in enumerate(names[:6])) + (', ...' if len(names) > 6 else '')
    order = 'in the order of --classes' if known else 'alphabetically'
    return numbers, names, [f'{len(names)} classes, numbered {order}: {shown}']


def _index(text: str, most: int) -> int | str:
    if not text:
        return 'no label'
    if not is_index(text):
        return f'label {text[:40]!r} is a name, but most labels are numbers'
    if len(text) > 12 or not 0 <= int(text) < most:
        return f'label {text[:40]} must be 0 to {most - 1}'
    return int(text)


def pair_up(labels: Labels, found: Mapping[str, object]) -> list[tuple[object, Row | str]]:
    """Pair each clip with its row; unpaired clips and rows follow. The result is the items of ``convert``.

    A clip ``wave/01`` matches the row of that name, or the row ``01`` if that is unambiguous.

    Args:
        labels: Result of :func:`labels_of`.
        found: Source of each clip (a path, or a tuple that begins with one) by its name, in order.

    Returns:
        (source, row), or (where, why there is none); :func:`paired` distinguishes them.

    Raises:
        ValueError: If no clip has a row.
    """
    rows = {row.name: row for row in labels.rows}
    short = Counter(name.rsplit('/', 1)[-1] for name in found)
    items, used = [], set()
    for name, what in found.items():
        last = name.rsplit('/', 1)[-1]
        row = rows.get(name) or (rows.get(last) if short[last] == 1 else None)
        if row is None and last in rows:
            items.append((what, f'{short[last]} clips are named {last!r}; write {name!r} in {labels.source}'))
        elif row is None:
            items.append((what, f'no row of {labels.source} is named {name!r}'))
        else:
            items.append((what, row))
            used.add(row.name)
    if not used:
        raise ValueError(
            f'none of the {len(found)} clips found is in {labels.source}: found {_few(found)}, which names {_few(rows)}'
        )
    items += [(f'{labels.source} {row.name}', 'no clip with this name was found') for row in labels.rows
              if row.name not in used]  # fmt: skip
    return items + list(labels.bad)


def _few(names: Iterable[str]) -> str:
    names = list(names)
    return ', '.join(map(repr, names[:3])) + (', ...' if len(names) > 3 else '')


def rows_of(items: Iterable[tuple[object, Row | str]]) -> list[Row]:
    """Rows with a clip, in order; the splits are made from these."""
    return [row for _, row in items if isinstance(row, Row)]


def paired(item: tuple[object, Row | str]) -> tuple[object, Row]:
    """Unpack a complete item of :func:`pair_up`.

    Raises:
        LeftOut: If the item has no row or no clip.
    """
    what, row = item
    if isinstance(row, str):
        raise LeftOut(UNMATCHED, row)
    return what, row


def classes_path(args: argparse.Namespace) -> Path:
    """``X.pkl -> X.classes.txt``; one for all shards."""
    stem = args.out.stem
    if args.shard:
        stem = stem.removesuffix('.shard-{}-of-{}'.format(*args.shard))
    return args.out.with_name(f'{stem}.classes.txt')


def check_classes_free(args: argparse.Namespace, classes: Sequence[str] | None) -> None:
    """Raise FileExistsError if the file of class names exists with other names and ``--overwrite`` is off."""
    path = classes_path(args)
    if classes is None or args.overwrite or not path.exists():
        return
    if path.read_bytes() != _class_lines(classes):
        raise FileExistsError(
            f'{path} exists with other classes; pass --overwrite to replace it, or choose another --out'
        )


def write_classes(args: argparse.Namespace, classes: Sequence[str] | None) -> None:
    """Write the class names, if any, one per line, and report it."""
    if classes is None:
        return
    path = classes_path(args)
    with replacing(path) as file:
        file.write(_class_lines(classes))
    print(f'wrote {path}: names of classes 0 to {len(classes) - 1}')


def _class_lines(classes: Sequence[str]) -> bytes:
    return ''.join(f'{name}\n' for name in classes).encode()
