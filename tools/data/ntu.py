"""NTU RGB+D 60 and 120, ``.skeleton`` text as distributed, to the annotation pickles ``ntu60_3danno.pkl`` and
``ntu120_3danno.pkl`` with the splits xsub and xview, xsub and xset.

    python tools/data/ntu.py data/nturgbd_raw --out data/nturgbd --jobs 8 --missing missing.txt

RAW_DIR is searched to any depth. NTU60 is made of setups 1 to 17, NTU120 of all, when setups from 18 are there. A clip
is ``keypoint`` (M, T, 25, 3), float16, metres, camera space (y up, z depth), of one or two actors; frames without a
body are left out. ``--missing`` is the list of clips to leave out, one name a line (the authors publish 302 names for
NTU60, 535 for NTU120). What was left out is in ``skipped.csv``. An interrupted run goes on where it was.
"""

import argparse
import contextlib
import csv
import hashlib
import io
import os
import pickle
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _entry import run  # noqa: E402

from pyskl.datasets.annotations import replacing, write_annotations  # noqa: E402
from pyskl.datasets.ntu_denoise import PUBLISHED, Thresholds, choose_actors  # noqa: E402
from pyskl.datasets.ntu_protocols import LAST_SETUP_60, PUBLISHED_COUNTS, make_splits, parse_name  # noqa: E402
from pyskl.datasets.ntu_skeleton import NUM_JOINTS, parse_skeleton  # noqa: E402
from pyskl.datasets.safe_pickle import load_numbers  # noqa: E402

MAX_CLIP_BYTES = 128 << 20  # the longest clips have some MB
FILES_A_PART = 64
GARBLED, LISTED, EMPTY = 'garbled', 'listed as missing', 'no body'
Skipped = tuple[str, str, str]  # file, one of the kinds above, why


def find_files(source: Path) -> list[Path]:
    """Every ``.skeleton`` file below ``source``, by name.

    Raises:
        ValueError: If there is none.
    """
    found = sorted((path for path in source.rglob('*.skeleton') if path.is_file()), key=lambda path: (path.name, path))
    if not found:
        raise ValueError(f'RAW_DIR {source} holds no .skeleton file, such as S001C001P001R001A001.skeleton')
    return found


def read_names(path: Path | None) -> set[str]:
    """The names in a list of missing clips: those among its lines that have the form of one.

    Raises:
        ValueError: If it holds none.
    """
    if path is None:
        return set()
    names = set()
    for line in path.read_text(errors='replace').splitlines():
        with contextlib.suppress(ValueError):
            name = line.strip().removesuffix('.skeleton')
            parse_name(name)
            names.add(name)
    if not names:
        raise ValueError(f'--missing {path} holds no name such as S001C001P001R001A001, one a line')
    return names


def sort_out(files: list[Path], missing: set[str]) -> tuple[list[Path], list[Skipped]]:
    """The files to parse, and those that their name rules out."""
    chosen, skipped, seen = [], [], set()
    for path in files:
        try:
            parse_name(path.stem)
            if path.stem in seen:
                raise ValueError('a second file of this name')
        except ValueError as why:
            skipped.append((str(path), GARBLED, str(why)))
            continue
        seen.add(path.stem)
        if path.stem in missing:
            skipped.append((str(path), LISTED, 'in the list of --missing'))
        else:
            chosen.append(path)
    return chosen, skipped


def read_clip(path: Path, thresholds: Thresholds, dtype: str) -> tuple[dict | None, Skipped | None]:
    """The annotation of a file, or why there is none."""
    try:
        if path.stat().st_size > MAX_CLIP_BYTES:
            raise ValueError(f'larger than {MAX_CLIP_BYTES >> 20} MB')
        bodies, num_frames = parse_skeleton(path.read_bytes())
    except (ValueError, OSError) as why:
        return None, (str(path), GARBLED, str(why))
    try:
        keypoint = choose_actors(bodies, num_frames, thresholds)
    except ValueError as why:
        return None, (str(path), EMPTY, str(why))
    with np.errstate(over='ignore'):
        keypoint = keypoint.astype(dtype)
    if not np.isfinite(keypoint).all():
        return None, (str(path), GARBLED, f'coordinates beyond {dtype}')
    label = parse_name(path.stem).action - 1
    return {'frame_dir': path.stem, 'label': label, 'keypoint': keypoint, 'total_frames': keypoint.shape[1]}, None


def make_part(part: Path, files: list[Path], thresholds: Thresholds, dtype: str) -> int:
    """Parse ``files`` into the file ``part``; their number."""
    results = [read_clip(path, thresholds, dtype) for path in files]
    content = {
        'annotations': [clip for clip, _ in results if clip is not None],
        'skipped': [list(skipped) for _, skipped in results if skipped is not None],
    }
    with replacing(part) as file:
        pickle.dump(content, file, protocol=4)
    return len(files)


def plan_parts(folder: Path, files: list[Path], settings: object) -> dict[Path, list[Path]]:
    """Which files go to which part; the name of a part changes with its files and with the settings."""
    parts = {}
    for start in range(0, len(files), FILES_A_PART):
        chunk = files[start : start + FILES_A_PART]
        states = [(str(path), (state := path.stat()).st_size, state.st_mtime_ns) for path in chunk]
        parts[folder / f'{hashlib.sha256(repr((states, settings)).encode()).hexdigest()[:24]}.pkl'] = chunk
    return parts


def read_part(part: Path) -> dict | None:
    """A finished part, or None if it is not there or damaged."""
    try:
        content = load_numbers(part)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and {'annotations', 'skipped'} <= set(content) else None


def make_parts(parts: dict[Path, list[Path]], thresholds: Thresholds, dtype: str, jobs: int) -> None:
    """Make the parts that are not there yet.

    Raises:
        ValueError: If a worker was killed.
    """
    todo = {part: files for part, files in parts.items() if read_part(part) is None}
    done = sum(len(files) for part, files in parts.items() if part not in todo)
    total = done + sum(map(len, todo.values()))
    with tqdm(total=total, initial=done, desc='clips', unit=' files', disable=None) as bar:
        for count in _finished(todo, thresholds, dtype, jobs):
            bar.update(count)


def _finished(todo: dict[Path, list[Path]], thresholds: Thresholds, dtype: str, jobs: int) -> Iterator[int]:
    if jobs == 1 or len(todo) < 2:
        yield from (make_part(part, files, thresholds, dtype) for part, files in todo.items())
        return
    # Ctrl-C is for the parent: it lets each worker finish its part, which then counts.
    with ProcessPoolExecutor(jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        try:
            for future in as_completed([pool.submit(make_part, *item, thresholds, dtype) for item in todo.items()]):
                yield future.result()
        except BrokenProcessPool:
            raise ValueError('a worker was killed, out of memory perhaps; run again with fewer --jobs') from None
        finally:
            pool.shutdown(cancel_futures=True)


def write_skipped(path: Path, skipped: list[Skipped]) -> None:
    """``file,kind,reason``, a line a file."""
    text = io.StringIO()
    csv.writer(text, lineterminator='\n').writerows([('file', 'kind', 'reason'), *sorted(skipped)])
    with replacing(path) as file:
        file.write(text.getvalue().encode(errors='surrogateescape'))


def _ranges(actions: list[int]) -> str:
    """``[1, 2, 3, 7] -> 'A001-A003, A007'``."""
    runs = np.split(np.array(actions), np.flatnonzero(np.diff(actions) > 1) + 1)
    return ', '.join('-'.join(f'A{action:03d}' for action in sorted({run[0], run[-1]})) for run in runs)


def summary(classes: int, clips: list[dict], splits: dict[str, list[str]]) -> str:
    """What a pickle holds, for people, and how its splits compare with the published ones."""
    frames = [clip['total_frames'] for clip in clips]
    persons = Counter(len(clip['keypoint']) for clip in clips)
    labels = Counter(clip['label'] for clip in clips)
    absent = [label + 1 for label in range(classes) if label not in labels]
    published = PUBLISHED_COUNTS[classes]
    lines = [
        f'NTU{classes}: {len(clips)} clips, {len(labels)} of {classes} classes, {NUM_JOINTS} joints (nturgb+d), metres',
        f'frames: {min(frames)} min, {np.median(frames):g} median, {max(frames)} max, {sum(frames)} in all',
        f'persons: {persons[1]} clips of one, {persons[2]} of two',
        f'clips a class: {min(labels.values())} to {max(labels.values())}',
        *([f'no clip of {len(absent)} actions: {_ranges(absent)}'] if absent else []),
    ]
    for split, members in splits.items():
        due = published[split]
        told = 'as published' if len(members) == due else f'published: {due}, {len(members) - due:+d}'
        lines.append(f'split {split}: {len(members)} ({told})')
    return '\n'.join(lines)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('source', type=Path, metavar='RAW_DIR', help='folder of .skeleton files, searched to any depth')
    parser.add_argument('--out', type=Path, required=True, help='folder for the pickles, such as data/nturgbd')
    parser.add_argument('--overwrite', action='store_true', help='replace existing pickles')
    parser.add_argument('--jobs', type=int, default=1, help='processes')
    parser.add_argument('--missing', type=Path, metavar='FILE', help='names of clips to leave out, one a line')
    parser.add_argument('--max-bad', type=float, default=1, metavar='PERCENT', help='stop above this share of garbled')
    parser.add_argument('--dtype', choices=('float16', 'float32'), default='float16', help='published: float16')
    parser.add_argument('--length', type=int, default=PUBLISHED.length, help='drop bodies of at most N frames')
    parser.add_argument('--spread', type=float, default=PUBLISHED.spread, help='a frame is noisy beyond width / height')
    parser.add_argument('--noisy', type=float, default=PUBLISHED.noisy, help='drop bodies from this share of noisy')
    parser.add_argument(
        '--motion-low', type=float, help='drop bodies that move less; published 0.089925, never applied'
    )
    parser.add_argument('--motion-high', type=float, help='drop bodies that move more; published 2, never applied')


def check_options(args: argparse.Namespace) -> None:
    """Refuse, before any work, what cannot go well.

    Raises:
        ValueError: If a number is out of range.
        OSError: If RAW_DIR or ``--out`` is no folder.
    """
    if args.jobs < 1:
        raise ValueError(f'--jobs must be 1 or more, got {args.jobs}')
    if not 0 <= args.max_bad <= 100:
        raise ValueError(f'--max-bad must be 0 to 100 (percent), got {args.max_bad:g}')
    for name in ('length', 'spread', 'noisy', 'motion_low', 'motion_high'):
        value = getattr(args, name)
        if value is not None and not value >= 0:
            raise ValueError(f'--{name.replace("_", "-")} must be 0 or more, got {value:g}')
    if not args.source.is_dir():
        raise NotADirectoryError(f'RAW_DIR {args.source} is no folder; name the one that holds the .skeleton files')
    if args.out.exists() and not args.out.is_dir():
        raise NotADirectoryError(f'--out {args.out} is a file; name a folder, such as data/nturgbd')


def check_bad(skipped: list[Skipped], total: int, max_bad: float, table: Path) -> None:
    """Raises:
    ValueError: If more than ``max_bad`` percent of ``total`` files are garbled.
    """
    garbled = [entry for entry in skipped if entry[1] == GARBLED]
    if len(garbled) * 100 > max_bad * total:
        path, _, why = min(garbled)
        raise ValueError(
            f'{len(garbled)} of {total} files are garbled, more than --max-bad {max_bad:g} %; the first: '
            f'{path}: {why}; all are in {table}'
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=' '.join(__doc__.splitlines()[:2]))
    add_options(parser)
    args = parser.parse_args()
    check_options(args)
    files = find_files(args.source)
    chosen, skipped = sort_out(files, read_names(args.missing))
    setups = [parse_name(path.stem).setup for path in chosen]
    which = [60] * any(s <= LAST_SETUP_60 for s in setups) + [120] * any(s > LAST_SETUP_60 for s in setups)
    outs = {classes: args.out / f'ntu{classes}_3danno.pkl' for classes in which}
    folder = args.out / '.ntu_parts'
    written = {out: folder / f'{out.name}.written' for out in outs.values()}  # by a run that was then interrupted
    taken = [out for out in outs.values() if out.exists() and not written[out].exists()]
    if taken and not args.overwrite:
        raise FileExistsError(f'{taken[0]} exists; give another --out, or --overwrite to replace it')
    folder.mkdir(parents=True, exist_ok=True)
    thresholds = Thresholds(**{field.name: getattr(args, field.name) for field in fields(Thresholds)})
    parts = plan_parts(folder, chosen, (asdict(thresholds), args.dtype))
    make_parts(parts, thresholds, args.dtype, args.jobs)
    clips = []
    for part in parts:
        content = read_part(part)
        if content is None:
            raise OSError(f'{part} vanished or was damaged while this ran; run again')
        clips += content['annotations']
        skipped += map(tuple, content['skipped'])
    table = args.out / 'skipped.csv'
    write_skipped(table, skipped)
    check_bad(skipped, len(files), args.max_bad, table)
    if not clips:
        raise ValueError(f'RAW_DIR {args.source} holds no usable clip; why is in {table}')

    for classes, out in outs.items():
        members = [clip for clip in clips if classes == 120 or parse_name(clip['frame_dir']).setup <= LAST_SETUP_60]
        if members:
            splits = make_splits((clip['frame_dir'] for clip in members), classes)
            write_annotations(out, members, splits)
            written[out].touch()
            print(summary(classes, members, splits))
            print(f'wrote {out}')
    counts = Counter(kind for _, kind, _ in skipped)
    told = ''.join(f', {count} {kind}' for kind, count in sorted(counts.items()))
    print(f'left out: {len(skipped)} of {len(files)} files{told}; {table} says why')
    shutil.rmtree(folder)


if __name__ == '__main__':
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    run(main)
