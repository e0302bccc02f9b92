"""Convert NW-UCLA's JSON clips, as CTR-GCN distributes them (``all_sqe``), to the annotation pickle.

    pyskl data nwucla data/nwucla/all_sqe --out data/nwucla/nwucla.pkl

One file per clip, ``a01_s01_e00_v01.json`` (action, subject, episode, view): ``skeletons`` (T, 20, 3), metres, camera
space (y up, z depth), and ``label`` 1..10. Splits: ``xview_train`` (views 1, 2), ``xview_val`` (view 3), and
``xview_val_dedup``: of the published view 3, 95 clips are byte-identical to a training clip; this split leaves them
out. Files that are not clips are listed in ``nwucla.skipped.csv``. The same command resumes an interrupted run.
"""

import argparse
import hashlib
import lzma
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pyskl.cli.entry import run
from pyskl.converters import json_input
from pyskl.converters.job import (
    Outcome,
    add_job_options,
    check_job_options,
    convert,
    of_shard,
    write_out,
    write_skipped,
)

CLASSES = (
    'pick up with one hand',
    'pick up with two hands',
    'drop trash',
    'walk around',
    'sit down',
    'stand up',
    'donning',
    'doffing',
    'throw',
    'carry',
)
NUM_JOINTS = 20
TRAIN_VIEWS, VAL_VIEWS = ('v01', 'v02'), ('v03',)
MAX_CLIP_BYTES = 8 << 20  # the longest published clip has 0.14 MB
MAX_ARCHIVE_BYTES = 1 << 30  # unpacked; the published archive has 39 MB
Item = Path | tuple[str, bytes | None]  # a file, or an archive's member; None: larger than a clip can be
_CLIP_NAME = re.compile(r'a\d\d_s\d\d_e\d\d_(v\d\d)')


def clips_in_archive(archive: Path) -> Iterator[tuple[str, bytes | None]]:
    """Yield (file name, content) of every regular JSON member, in stored order; nothing is unpacked to disk.

    Raises:
        ValueError: If the file is not a tar archive, is damaged, or unpacks to more than ``MAX_ARCHIVE_BYTES``.
    """
    try:
        unpacked = 0
        with tarfile.open(archive, 'r|*') as members:
            for member in members:
                unpacked += member.size
                if unpacked > MAX_ARCHIVE_BYTES:
                    raise ValueError(f'{archive} unpacks to more than {MAX_ARCHIVE_BYTES >> 20} MB: not NW-UCLA')
                name = member.name.rsplit('/', 1)[-1]
                if member.isreg() and name.endswith('.json'):
                    yield name, members.extractfile(member).read() if member.size <= MAX_CLIP_BYTES else None
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise ValueError(f'{archive} is not a folder or a complete tar archive of JSON clips ({error})') from error


def parse_clip(name: str, content: bytes | None) -> dict:
    """Make one annotation: ``frame_dir``, ``label`` 0..9, ``total_frames``, ``keypoint`` float32 ``(1, T, 20, 3)``.

    Raises:
        ValueError: If the file is not a clip; the message says why.
    """
    stem = name.removesuffix('.json')
    match = _CLIP_NAME.fullmatch(stem)
    if match is None or match[1] not in TRAIN_VIEWS + VAL_VIEWS:
        raise ValueError('the name does not have the form a01_s01_e00_v01 with view 1 to 3')
    if content is None:
        raise ValueError(f'larger than {MAX_CLIP_BYTES >> 20} MB')
    try:
        clip = json_input.loads(content)
    except (ValueError, RecursionError):
        raise ValueError('not JSON') from None
    if not isinstance(clip, dict) or not {'skeletons', 'label'} <= set(clip):
        raise ValueError("not a JSON object with 'skeletons' and 'label'")
    label = clip['label']
    if type(label) is not int or not 1 <= label <= len(CLASSES):
        raise ValueError(f'label must be 1 to {len(CLASSES)}, got {str(label)[:20]!r}')
    try:
        skeletons = np.array(clip['skeletons'])
    except ValueError:
        raise ValueError('skeletons are ragged') from None
    if skeletons.dtype.kind not in 'if' or skeletons.shape[1:] != (NUM_JOINTS, 3) or not len(skeletons):
        raise ValueError(f'skeletons must be numbers (T, {NUM_JOINTS}, 3), got {skeletons.dtype} {skeletons.shape}')
    with np.errstate(over='ignore'):
        keypoint = skeletons.astype(np.float32)[None]
    if not np.isfinite(keypoint).all():
        raise ValueError('skeletons have NaN or infinite coordinates')
    return {'frame_dir': stem, 'label': label - 1, 'total_frames': keypoint.shape[1], 'keypoint': keypoint}


def find_clips(source: Path) -> list[Item]:
    """Find the JSON files of a folder, or the members of an archive with their content, by name.

    Raises:
        OSError: If ``source`` cannot be read.
        ValueError: If it has none, or is neither.
    """
    if source.is_dir():
        found = sorted((path for path in source.rglob('*.json') if path.is_file()), key=lambda path: (path.name, path))
    else:
        found = sorted(clips_in_archive(source), key=lambda member: member[0])
    if not found:
        raise ValueError(f'{source} has no clip, such as a01_s01_e00_v01.json')
    return found


def read_clip(item: Item) -> dict:
    """Convert a file or member to an annotation.

    Raises:
        ValueError: If it is not a clip.
    """
    if isinstance(item, tuple):
        return parse_clip(*item)
    return parse_clip(item.name, item.read_bytes() if item.stat().st_size <= MAX_CLIP_BYTES else None)


def make_splits(clips: list[dict]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Make the splits, and map validation clips to byte-identical training clips."""

    def of_views(views: tuple[str, ...]) -> list[dict]:
        return [clip for clip in clips if clip['frame_dir'][-3:] in views]

    def digest(clip: dict) -> bytes:
        return hashlib.sha256(clip['keypoint'].tobytes()).digest()

    train, val = of_views(TRAIN_VIEWS), of_views(VAL_VIEWS)
    seen = {digest(clip): clip['frame_dir'] for clip in train}
    repeats = {clip['frame_dir']: seen[digest(clip)] for clip in val if digest(clip) in seen}
    names = [clip['frame_dir'] for clip in val]
    splits = {
        'xview_train': [clip['frame_dir'] for clip in train],
        'xview_val': names,
        'xview_val_dedup': [name for name in names if name not in repeats],
    }
    return splits, repeats


def more(clips: list[dict], repeats: dict[str, str]) -> str:
    """Additional report for NW-UCLA: clips per class, and clips that are stored twice."""
    counts = Counter(clip['label'] for clip in clips)
    kinds = Counter(f'{name[:3]}_{name[-3:]} = {repeats[name][:3]}_{repeats[name][-3:]}' for name in repeats)
    lines = [
        *(f'  {label} {name}: {counts[label]}' for label, name in enumerate(CLASSES)),
        f'{len(repeats)} xview_val clips are byte-identical to a training clip; xview_val_dedup excludes them',
        *(f'  {kind}: {count}' for kind, count in sorted(kinds.items())),
    ]
    return '\n'.join(lines)


def share_of(outcome: Outcome, number: int, count: int) -> Outcome:
    """Restrict the outcome to a shard: its share of the clips and of the skipped files."""
    records, skipped = (of_shard(rows, number, count) for rows in (outcome.records, outcome.skipped))
    return replace(outcome, records=records, skipped=skipped, total=len(records) + len(skipped))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('source', type=Path, metavar='ALL_SQE', help='folder of JSON clips, or the tar archive of it')
    add_job_options(parser)
    args = parser.parse_args()
    check_job_options(args)
    items = find_clips(args.source)
    # A shard also reads all clips, which takes seconds: duplicates cannot be found otherwise.
    outcome = convert(argparse.Namespace(**{**vars(args), 'shard': None}), items, read_clip)
    splits, repeats = make_splits(outcome.records)
    if args.shard:
        outcome = share_of(outcome, *args.shard)
        write_skipped(outcome.table, outcome.skipped)
    write_out(args, outcome, splits, 'nw-ucla')
    print(more(outcome.records, repeats))


if __name__ == '__main__':
    run(main)
