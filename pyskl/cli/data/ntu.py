"""Convert the .skeleton files of NTU RGB+D 60 and 120 to the annotation pickles ntu60_3danno.pkl (splits xsub and
xview) and ntu120_3danno.pkl (splits xsub and xset).

    pyskl data ntu data/nturgbd_raw --out data/nturgbd --jobs 8 --missing missing.txt

RAW_DIR is searched to any depth. NTU60 consists of setups 1 to 17, NTU120 of all setups if any from 18 on exist. A clip
is ``keypoint`` (M, T, 25, 3), float16, metres, camera space (y up, z depth), of one or two actors; frames without a
body are dropped. ``--missing`` is the list of clips to skip, one name per line (the authors publish 302 names for
NTU60, 535 for NTU120). Skipped clips are listed in ``X.skipped.csv``, clips absent from RAW_DIR in ``X.absent.txt``.
The same command resumes an interrupted run. ``--npz`` also writes the arrays of CTR-GCN; for shards, run merge.py and
then ntu_npz.py.
"""

import argparse
import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np

from pyskl.cli.data.ntu_npz import check_free, npz_paths, write_set
from pyskl.cli.entry import run
from pyskl.converters.job import (
    LeftOut,
    Outcome,
    add_work_options,
    check_work_options,
    convert,
    left_out,
    parts_path,
    shard_path,
    table_path,
    write_skipped,
)
from pyskl.converters.ntu_denoise import PUBLISHED, Thresholds, choose_actors
from pyskl.converters.ntu_npz import EMPTY_ACTORS
from pyskl.converters.ntu_protocols import (
    LAST_SETUP_60,
    PUBLISHED_COUNTS,
    RECORDINGS,
    ClipName,
    absent_names,
    make_splits,
    parse_name,
    whole_range,
)
from pyskl.converters.ntu_skeleton import parse_skeleton
from pyskl.converters.output import summary, write_pickle
from pyskl.datasets.records.annotations import Splits
from pyskl.files import replacing

MAX_CLIP_BYTES = 128 << 20  # the longest clips have a few MB
FILES_A_PART = 64
LISTED, EMPTY = 'listed as missing', 'no body'
TWIN = 'a second file of this name'
Item = tuple[Path, str]  # a file, and why its name excludes it, or ''


def find_files(source: Path) -> list[Path]:
    """Find every ``.skeleton`` file below ``source``, by name.

    Raises:
        ValueError: If there is none.
    """
    found = sorted((path for path in source.rglob('*.skeleton') if path.is_file()), key=lambda path: (path.name, path))
    if not found:
        raise ValueError(f'RAW_DIR {source} has no .skeleton file, such as S001C001P001R001A001.skeleton')
    return found


def read_names(path: Path | None) -> set[str]:
    """Read the names in a list of missing clips: the lines that have the form of a name.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it has none.
    """
    if path is None:
        return set()
    if not path.is_file():
        raise FileNotFoundError(f'--missing {path} is not a file; give a list of clips to skip, one per line')
    names = set()
    for line in path.read_text(errors='replace').splitlines():
        with contextlib.suppress(ValueError):
            name = line.strip().removesuffix('.skeleton')
            parse_name(name)
            names.add(name)
    if not names:
        raise ValueError(f'--missing {path} has no name such as S001C001P001R001A001; it needs one per line')
    return names


def sort_out(files: Sequence[Path], missing: set[str]) -> list[Item]:
    """Return the files, each with the reason why its name excludes it."""
    items, seen = [], set()
    for path in files:
        why = ''
        try:
            parse_name(path.stem)
        except ValueError as problem:
            why = str(problem)
        else:
            why = TWIN if path.stem in seen else LISTED if path.stem in missing else ''
            seen.add(path.stem)
        items.append((path, why))
    return items


def read_clip(item: Item, thresholds: Thresholds, dtype: str, keep: str) -> dict:
    """Convert a file to an annotation.

    Args:
        item: Item of :func:`sort_out`.
        thresholds: Thresholds of the denoising.
        dtype: Dtype that must be able to represent the coordinates.
        keep: Dtype of the stored coordinates.

    Raises:
        LeftOut: If it is listed as missing, or has no person.
        ValueError: If it is garbled.
    """
    path, why = item
    if why == LISTED:
        raise LeftOut(LISTED, 'in the list of --missing')
    if why:
        raise ValueError(why)
    if path.stat().st_size > MAX_CLIP_BYTES:
        raise ValueError(f'larger than {MAX_CLIP_BYTES >> 20} MB')
    bodies, num_frames = parse_skeleton(path.read_bytes())
    with np.errstate(over='ignore', invalid='ignore'):  # numbers that are too large are reported below
        try:
            keypoint = choose_actors(bodies, num_frames, thresholds, keep_empty=True)
        except ValueError as problem:
            raise LeftOut(EMPTY, str(problem)) from None
        if not np.isfinite(keypoint.astype(dtype)).all():
            raise ValueError(f'coordinates exceed {dtype}')
    present = (keypoint if keypoint[-1].any() else keypoint[:1]).astype(keep)
    record = {'frame_dir': path.stem, 'label': parse_name(path.stem).action - 1, 'keypoint': present}
    record['total_frames'] = present.shape[1]
    if len(present) < len(keypoint):
        record[EMPTY_ACTORS] = len(keypoint) - len(present)
    return record


def belongs(name: str, classes: int) -> bool:
    """Whether this file belongs in the report for NTU60 (or NTU120); malformed names belong to both."""
    try:
        return classes == 120 or parse_name(name).setup <= LAST_SETUP_60
    except ValueError:
        return True


def _ranges(field: str, numbers: Sequence[int]) -> str:
    """``'action', [1, 2, 3, 7] -> 'A001-A003, A007'``."""
    letter = {'setup': 'S', 'camera': 'C', 'performer': 'P', 'replication': 'R', 'action': 'A'}[field]
    runs = np.split(np.array(numbers), np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ', '.join('-'.join(f'{letter}{number:03d}' for number in sorted({run[0], run[-1]})) for run in runs)


def tell_absent(names: Sequence[str], missing: set[str], classes: int, path: Path | None) -> list[str]:
    """Report the clips that RAW_DIR lacks of the whole set; write their names to ``path`` if they are known.

    Args:
        names: Names of all files of NTU60 or NTU120.
        missing: Names in the list of missing clips.
        classes: 60 or 120.
        path: The list to write; None if another shard writes it.
    """
    clips = [parse_name(name) for name in names]
    recordings = {(clip.setup, clip.performer) for clip in clips}
    absent = [name for name in absent_names(names) if name not in missing]
    if path is not None:
        with replacing(path) as file:
            file.write(''.join(f'{name}\n' for name in absent).encode())
    lines = [f'recordings (a performer in a setup): {len(recordings)} of {RECORDINGS[classes]}']
    for field in ClipName._fields:
        none = sorted(set(whole_range(field, classes)) - {getattr(clip, field) for clip in clips})
        if none:
            lines.append(f'no files of {len(none)} {field}s: {_ranges(field, none)}')
    if absent:
        counts = Counter(parse_name(name).setup for name in absent)
        listed = ', '.join(f'{_ranges("setup", [setup])} {count}' for setup, count in counts.most_common(5))
        lines.append(f'{len(absent)} clips of these recordings are absent ({listed}{", ..." * (len(counts) > 5)})')
        if path is not None:
            lines[-1] += f'; {path} lists them'
    return lines


def tell_counts(splits: Splits, classes: int) -> list[str]:
    """Compare the splits with the published ones."""
    lines = []
    for split, members in splits.items():
        published = PUBLISHED_COUNTS[classes][split]
        comparison = (
            'as published' if len(members) == published else f'published: {published}, {len(members) - published:+d}'
        )
        lines.append(f'split {split}: {len(members)} ({comparison})')
    return lines


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('source', type=Path, metavar='RAW_DIR', help='folder of .skeleton files, searched to any depth')
    parser.add_argument('--out', type=Path, required=True, help='folder for the pickles, such as data/nturgbd')
    parser.add_argument('--overwrite', action='store_true', help='replace existing files')
    add_work_options(parser)
    parser.add_argument('--missing', type=Path, metavar='FILE', help='names of clips to skip, one per line')
    parser.add_argument(
        '--dtype', choices=('float16', 'float32'), default='float16', help='of the coordinates (default: float16)'
    )
    parser.add_argument('--npz', type=Path, metavar='DIR', help='also write the npz files of CTR-GCN to DIR')
    parser.add_argument('--aligned', action='store_true', help="with --npz: also write InfoGCN's _aligned.npz")
    parser.add_argument(
        '--length', type=int, default=PUBLISHED.length, metavar='N',
        help=f'drop bodies of at most N frames (default: {PUBLISHED.length})',
    )  # fmt: skip
    parser.add_argument(
        '--spread', type=float, default=PUBLISHED.spread, metavar='X',
        help=f'frames with width / height above X are noisy (default: {PUBLISHED.spread:g})',
    )  # fmt: skip
    parser.add_argument(
        '--noisy', type=float, default=PUBLISHED.noisy, metavar='SHARE',
        help=f'drop bodies with at least this share of noisy frames (default: {PUBLISHED.noisy:g})',
    )  # fmt: skip
    parser.add_argument(
        '--motion-low', type=float, metavar='X', help='drop bodies that move less (published: 0.089925, not applied)'
    )
    parser.add_argument(
        '--motion-high', type=float, metavar='X', help='drop bodies that move more (published: 2, not applied)'
    )


def check_options(args: argparse.Namespace) -> None:
    """Validate the options before any work.

    Raises:
        ValueError: If a number is out of range, or options contradict each other.
        OSError: If RAW_DIR, ``--out`` or ``--npz`` is not a folder.
    """
    check_work_options(args)
    for name in ('length', 'spread', 'noisy', 'motion_low', 'motion_high'):
        value = getattr(args, name)
        if value is not None and not value >= 0:
            raise ValueError(f'--{name.replace("_", "-")} must be at least 0, got {value:g}')
    if args.npz and args.shard:
        raise ValueError(
            '--npz and --shard exclude each other; pass --dtype float32, merge the shards, then run ntu_npz.py'
        )
    if args.aligned and not args.npz:
        raise ValueError('--aligned needs --npz DIR')
    if not args.source.is_dir():
        raise NotADirectoryError(f'RAW_DIR {args.source} is not a folder; give the folder of the .skeleton files')
    for name in ('out', 'npz'):
        folder = getattr(args, name)
        if folder and folder.exists() and not folder.is_dir():
            raise NotADirectoryError(f'--{name} {folder} is a file; it must be a folder, such as data/nturgbd')


def outputs(args: argparse.Namespace, items: Sequence[Item]) -> dict[int, Path]:
    """Return the pickles to write, 60 and 120; with ``--shard`` all shards have the same ones."""
    setups = [parse_name(path.stem).setup for path, why in items if not why]
    which = [60] * any(s <= LAST_SETUP_60 for s in setups) + [120] * any(s > LAST_SETUP_60 for s in setups)
    outs = {classes: args.out / f'ntu{classes}_3danno.pkl' for classes in which}
    return {classes: shard_path(out, *args.shard) if args.shard else out for classes, out in outs.items()}


@dataclass(frozen=True)
class Written:
    """Tracks the files that an interrupted run has written: these may be replaced.

    Args:
        folder: Folder of the parts, with a marker for each file.
    """

    folder: Path

    def _mark(self, path: Path) -> Path:
        return self.folder / f'{path.name}.written'

    def has(self, path: Path) -> bool:
        mark = self._mark(path)
        return mark.exists() and mark.read_text() == str(path.resolve())

    def add(self, path: Path) -> None:
        self._mark(path).write_text(str(path.resolve()))


def write_one(
    args: argparse.Namespace,
    outcome: Outcome,
    items: Sequence[Item],
    missing: set[str],
    classes: int,
    out: Path,
    written: Written,
) -> None:
    """Write NTU60's pickle or NTU120's, with its tables and arrays, and print a summary."""
    members = [record for record in outcome.records if belongs(record['frame_dir'], classes)]
    skipped = [row for row in outcome.skipped if belongs(Path(row[0]).stem, classes)]
    if not members and not args.shard:
        return
    stored = [{**record, 'keypoint': record['keypoint'].astype(args.dtype, copy=False)} for record in members]
    splits = write_pickle(out, stored, make_splits((record['frame_dir'] for record in members), classes))
    written.add(out)
    table = table_path(out)
    write_skipped(table, skipped)
    print(f'NTU{classes}: {summary(stored, None, "nturgb+d")}')
    names = [path.stem for path, why in items if why in ('', LISTED) and belongs(path.stem, classes)]
    first = not args.shard or args.shard[0] == 1
    absent_lines = tell_absent(names, missing, classes, args.out / f'ntu{classes}_3danno.absent.txt' if first else None)
    counts = [f'split {name}: {len(split)}' for name, split in splits.items()]
    print('\n'.join([*(counts if args.shard else tell_counts(splits, classes)), *absent_lines]))
    print(left_out(skipped, len(members) + len(skipped), table))
    print(f'wrote {out}')
    if args.npz:
        write_set(members, classes, args.npz, args.aligned, written.add)


def main() -> None:
    parser = argparse.ArgumentParser(description=' '.join(__doc__.splitlines()[:2]))
    add_options(parser)
    args = parser.parse_args()
    check_options(args)
    missing = read_names(args.missing)
    items = sort_out(find_files(args.source), missing)
    outs = outputs(args, items)
    whole = args.out / 'ntu.pkl'  # not written; the common name of both pickles
    job = argparse.Namespace(**{**vars(args), 'out': shard_path(whole, *args.shard) if args.shard else whole})
    written = Written(parts_path(job.out))
    if not args.overwrite:
        check_free([out for out in outs.values() if not written.has(out)])
        npz = [path for classes in outs if args.npz for path in npz_paths(args.npz, classes, args.aligned)]
        check_free([path for path in npz if not written.has(path)])
    thresholds = Thresholds(**{field.name: getattr(args, field.name) for field in fields(Thresholds)})
    keep = 'float32' if args.npz else args.dtype
    work = partial(read_clip, thresholds=thresholds, dtype=args.dtype, keep=keep)
    outcome = convert(job, items, work, (asdict(thresholds), args.dtype, keep), a_part=FILES_A_PART)
    for classes, out in outs.items():
        write_one(args, outcome, items, missing, classes, out, written)
    outcome.table.unlink()  # each pickle has its own
    shutil.rmtree(outcome.folder)


if __name__ == '__main__':
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    run(main)
