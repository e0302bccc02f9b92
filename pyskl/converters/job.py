"""Convert many files to one annotation pickle: in processes, resumable, with a table of skipped files.

A tool provides its items (files, or tuples that hold them) and a function from an item to an annotation:

    add_job_options(parser)             # --out --overwrite --jobs --shard --max-bad
    args = parser.parse_args()
    check_job_options(args)             # before any work; sets --out to the shard's file
    outcome = convert(args, items, work, settings)
    write_out(args, outcome, splits)

Finished items are stored in parts in the folder of ``--out`` until the output is written, so that an interrupted run
can resume.
"""

import argparse
import csv
import hashlib
import io
import pickle
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from pyskl.converters.output import add_out, check_out, summary, write_pickle
from pyskl.datasets.records.annotations import Splits
from pyskl.datasets.records.safe_pickle import load_numbers
from pyskl.files import replacing

GARBLED = 'garbled'
UNMATCHED = 'unmatched'  # a clip without a label, a label without a clip
COUNTED = (GARBLED, UNMATCHED)  # for --max-bad
Skipped = tuple[str, str, str]  # item, kind, reason
_SHARD = re.compile(r'(\d+)/(\d+)', re.ASCII)


class LeftOut(ValueError):
    """Raised if an item has no annotation. Any other ValueError, or an OSError, counts as kind ``garbled``.

    Args:
        kind: One or two words for the summary; only kinds in :data:`COUNTED` count towards ``--max-bad``.
        why: Reason, one line.
    """

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind, why)  # both, so that it can be pickled
        self.kind, self.why = kind, why

    def __str__(self) -> str:
        return self.why


@dataclass
class Outcome:
    """Result of :func:`convert`, in the order of the items.

    Args:
        records: The annotations.
        skipped: The skipped items.
        total: Number of items.
        table: The file that lists ``skipped``.
        folder: Folder of the parts, which :func:`write_out` removes.
    """

    records: list[dict]
    skipped: list[Skipped]
    total: int
    table: Path
    folder: Path = field(repr=False)


def shard(text: str) -> tuple[int, int]:
    """Parse ``--shard``: ``'2/8' -> (2, 8)``."""
    match = _SHARD.fullmatch(text)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise argparse.ArgumentTypeError(f'{text!r} must be I/N with I from 1 to N, such as 2/8')
    return number, count


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--out``, ``--overwrite``, ``--jobs``, ``--shard``, ``--max-bad``."""
    add_out(parser)
    add_work_options(parser)


def add_work_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs``, ``--shard``, ``--max-bad``, for a tool with its own ``--out``."""
    parser.add_argument('--jobs', type=int, default=1, help='processes')
    parser.add_argument(
        '--shard',
        type=shard,
        metavar='I/N',
        help='do only the I-th of N equal shares; pyskl data merge joins them',
    )
    parser.add_argument(
        '--max-bad', type=float, default=1, metavar='PERCENT', help='stop above this share of bad files'
    )


def check_job_options(args: argparse.Namespace) -> None:
    """Validate the options before any work; set ``args.out`` to the shard's name.

    Raises:
        ValueError: If a number is out of range.
        OSError: If ``--out`` is a folder, or exists.
    """
    check_work_options(args)
    if args.shard:
        args.out = shard_path(args.out, *args.shard)
    check_out(args)


def check_work_options(args: argparse.Namespace) -> None:
    """Validate the options of :func:`add_work_options`."""
    if args.jobs < 1:
        raise ValueError(f'--jobs must be at least 1, got {args.jobs}')
    if not 0 <= args.max_bad <= 100:
        raise ValueError(f'--max-bad must be 0 to 100 (percent), got {args.max_bad:g}')


def shard_path(out: Path, number: int, count: int) -> Path:
    """``X.pkl -> X.shard-2-of-8.pkl``."""
    return out.with_name(f'{out.stem}.shard-{number}-of-{count}{out.suffix}')


def of_shard(items: Sequence, number: int, count: int) -> Sequence:
    """Select the contiguous share of shard ``number`` of ``count``; concatenated shards give the original order."""
    return items[len(items) * (number - 1) // count : len(items) * number // count]


def parts_path(out: Path) -> Path:
    """``X.pkl -> .X.pkl.parts``: the folder of finished items."""
    return out.with_name(f'.{out.name}.parts')


def table_path(out: Path) -> Path:
    """``X.pkl -> X.skipped.csv``."""
    return out.with_name(f'{out.stem}.skipped.csv')


def convert(
    args: argparse.Namespace,
    items: Sequence,
    work: Callable[[object], dict],
    settings: object = None,
    *,
    a_part: int = 64,
    unit: str = 'files',
) -> Outcome:
    """Convert the items (with ``--shard``: its share) in ``--jobs`` processes, with a progress bar.

    Args:
        args: Parsed options of :func:`add_job_options`.
        items: Paths, or tuples of paths and plain values, in the order of the output records.
        work: Maps an item to a record; a module-level function, or a ``functools.partial`` of one. Raises
            :class:`LeftOut`, ValueError or OSError if there is none.
        settings: Everything else that affects the records, with a stable ``repr``; a change discards finished parts.
        a_part: Items per part: the most that are lost when a process is killed.
        unit: Unit of the progress bar.

    Raises:
        ValueError: If more than ``--max-bad`` are bad, no item is left, or a worker was killed.
    """
    if args.shard:
        items = of_shard(items, *args.shard)
    folder = parts_path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    parts = plan_parts(folder, items, settings, a_part)
    make_parts(parts, work, args.jobs, unit)
    records, skipped, names = [], [], set()
    for part in parts:
        content = read_part(part)
        if content is None:
            raise OSError(f'{part} was removed or damaged during the run; run again')
        skipped += map(tuple, content['skipped'])
        for what, record in content['annotations']:
            if record['frame_dir'] in names:
                skipped.append((what, GARBLED, f'a second clip with the name {record["frame_dir"]!r}'))
                continue
            names.add(record['frame_dir'])
            records.append(record)
    outcome = Outcome(records, skipped, len(items), table_path(args.out), folder)
    write_skipped(outcome.table, skipped)
    check_bad(skipped, outcome.total, args.max_bad, outcome.table)
    if not records and not args.shard:  # a share may be empty
        raise ValueError(f'none of {outcome.total} {unit} gives a clip; see the reasons in {outcome.table}')
    return outcome


def write_out(args: argparse.Namespace, outcome: Outcome, splits: Splits | None, layout: str | None = None) -> None:
    """Write ``--out``, print a summary, and remove the parts.

    Args:
        args: Parsed options of :func:`add_job_options`.
        outcome: Result of :func:`convert`.
        splits: Names by split, of all items: those without a clip, or of another shard, are dropped, and the rest are
            put in the order of the records.
        layout: The skeleton's name, for the summary.
    """
    splits = write_pickle(args.out, outcome.records, splits)
    print(summary(outcome.records, splits, layout))
    print(left_out(outcome.skipped, outcome.total, outcome.table))
    print(f'wrote {args.out}')
    shutil.rmtree(outcome.folder)


def left_out(skipped: Sequence[Skipped], total: int, table: Path) -> str:
    """One line on the skipped items."""
    counts = Counter(kind for _, kind, _ in skipped)
    kinds = ''.join(f', {count} {kind}' for kind, count in sorted(counts.items()))
    return f'skipped: {len(skipped)} of {total}{kinds}; reasons in {table}' if skipped else f'skipped: 0 of {total}'


def plan_parts(folder: Path, items: Sequence, settings: object, a_part: int) -> dict[Path, Sequence]:
    """Assign items to parts; the name of a part changes with its files and with the settings."""
    parts = {}
    for start in range(0, len(items), a_part):
        chunk = items[start : start + a_part]
        state = repr(([_state(item) for item in chunk], settings))
        parts[folder / f'{hashlib.sha256(state.encode(errors="surrogateescape")).hexdigest()[:24]}.pkl'] = chunk
    return parts


def _state(item: object) -> object:
    """A key that changes when the item, or a file that it names, changes."""
    if isinstance(item, Path):
        try:
            state = item.stat()
        except OSError:
            return str(item)
        return str(item), state.st_size, state.st_mtime_ns
    return tuple(map(_state, item)) if isinstance(item, tuple) else item


def called(item: object) -> str:
    """Name of an item in ``skipped.csv``: the first path of a tuple, else its first value.

    For a folder with the files of several clips, the clip's name or first file is appended.
    """
    if not isinstance(item, tuple) or not item:
        return str(item)
    values = [value for part in item for value in (part if isinstance(part, tuple) else (part,))]
    paths = [value for value in values if isinstance(value, Path)]
    if not paths or not paths[0].is_dir():
        return str((paths or values or item)[0])
    clip = next((value.name for value in values if not isinstance(value, Path) and hasattr(value, 'name')), None)
    files = [entry[-1] for value in values if isinstance(value, tuple) for entry in value if isinstance(entry, tuple)]
    return f'{paths[0]} (clip {clip})' if clip else str((files or paths)[0])


def make_part(part: Path, items: Sequence, work: Callable[[object], dict]) -> int:
    """Convert ``items`` into the file ``part``; return their number."""
    done, skipped, retry = [], [], False
    for item in items:
        try:
            done.append((called(item), work(item)))
        except LeftOut as why:
            skipped.append((called(item), why.kind, str(why)))
        except (ValueError, OSError) as why:
            retry |= isinstance(why, OSError)  # an unmounted disk, missing permissions: the next run tries again
            skipped.append((called(item), GARBLED, ' '.join(str(why).split()) or type(why).__name__))
    with replacing(part) as file:
        pickle.dump({'annotations': done, 'skipped': skipped, 'retry': retry}, file, protocol=4)
    return len(items)


def read_part(part: Path) -> dict | None:
    """Load a finished part; None if it is missing or damaged."""
    try:
        content = load_numbers(part)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and {'annotations', 'skipped', 'retry'} <= set(content) else None


def make_parts(parts: dict[Path, Sequence], work: Callable[[object], dict], jobs: int, unit: str) -> None:
    """Create the missing parts.

    Raises:
        ValueError: If a worker was killed.
    """
    todo = {part: items for part, items in parts.items() if (read_part(part) or {'retry': True})['retry']}
    done = sum(len(items) for part, items in parts.items() if part not in todo)
    total = done + sum(map(len, todo.values()))
    with tqdm(total=total, initial=done, desc='clips', unit=f' {unit}', disable=None) as bar:
        for count in _finished(todo, work, jobs):
            bar.update(count)


def _finished(todo: dict[Path, Sequence], work: Callable[[object], dict], jobs: int) -> Iterator[int]:
    if jobs == 1 or len(todo) < 2:
        yield from (make_part(part, items, work) for part, items in todo.items())
        return
    # Ctrl-C is handled by the parent: each worker finishes its part, which is then reused.
    with ProcessPoolExecutor(jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        try:
            for future in as_completed([pool.submit(make_part, part, items, work) for part, items in todo.items()]):
                yield future.result()
        except BrokenProcessPool:
            raise ValueError('a worker was killed, perhaps out of memory; run again with fewer --jobs') from None
        finally:
            pool.shutdown(cancel_futures=True)


def write_skipped(path: Path, skipped: Sequence[Skipped]) -> None:
    """Write ``file,kind,reason``, one line per item."""
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([('file', 'kind', 'reason'), *sorted(skipped)])
    with replacing(path) as file:
        file.write(text.getvalue().encode(errors='surrogateescape'))


def check_bad(skipped: Sequence[Skipped], total: int, max_bad: float, table: Path) -> None:
    """Raise ValueError if more than ``max_bad`` percent of ``total`` are of a kind in :data:`COUNTED`."""
    bad = [entry for entry in skipped if entry[1] in COUNTED]
    if len(bad) * 100 > max_bad * total:
        kinds = ' or '.join(sorted({kind for _, kind, _ in bad}))
        path, _, why = min(bad)
        raise ValueError(
            f'{len(bad)} of {total} are {kinds}, more than --max-bad {max_bad:g} %; the first: {path}: {why}; {table} '
            f'lists all'
        )
