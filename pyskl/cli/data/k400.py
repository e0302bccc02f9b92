"""Convert PYSKL's Kinetics-400, ``k400_hrnet.pkl`` and its kpfiles, to one annotation pickle; without memcached.

    pyskl data k400 pyskl/k400_hrnet.pkl pyskl/kpfiles --out data/k400/k400_hrnet.pkl --jobs 4

``raw_file`` of a record is replaced by its joints, ``keypoint`` (boxes, 17, 3); ``frame_inds``, ``box_score`` and
``valid`` are unchanged, so that the published configs, which begin with DecompressPose, run on it. Memory is needed for
the annotations and, in each process, one kpfile. Records are sorted by kpfile. Clips without a box are skipped and
listed in ``X.skipped.csv``. The same command resumes an interrupted run.
"""

import argparse
import hashlib
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pyskl.cli.entry import run
from pyskl.converters.job import (
    GARBLED,
    LeftOut,
    Skipped,
    add_job_options,
    check_bad,
    check_job_options,
    left_out,
    make_parts,
    of_shard,
    parts_path,
    plan_parts,
    read_part,
    table_path,
    write_skipped,
)
from pyskl.converters.output import summary
from pyskl.datasets.records.annotations import Splits, read_annotations, record_problem
from pyskl.datasets.records.boxes import boxes_shape, has_boxes
from pyskl.datasets.records.kpfiles import locate, read_keypoint_file
from pyskl.datasets.records.pickle_stream import PickleWriter
from pyskl.files import replacing

CLIPS_A_PART = 1000


@dataclass(frozen=True, repr=False)
class Clip:
    """A record, and the location of its joints.

    Args:
        record: Record of the annotations.
        kpfile: The file with its joints; None if it has them, or there is none.
        problem: Why there is none.
    """

    record: dict
    kpfile: Path | None
    problem: str

    def __str__(self) -> str:
        return str(self.record.get('frame_dir'))

    def __repr__(self) -> str:
        """A key that changes with the record or the kpfile: parts that are out of date are recomputed."""
        state = self.kpfile.stat() if self.kpfile else None
        parts = self.record, self.problem, str(self.kpfile), state and (state.st_size, state.st_mtime_ns)
        return hashlib.sha256(pickle.dumps(parts, protocol=4)).hexdigest()


class _LastFile:
    """The last kpfile read, or why it could not be read: its clips are consecutive."""

    path: Path | None = None
    content: dict | Exception

    def read(self, path: Path) -> dict[str, object]:
        if path != self.path:
            self.path = self.content = None  # one at a time
            try:
                self.content = read_keypoint_file(path, bar=False)
            except (ValueError, OSError) as error:
                self.content = error
            self.path = path
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


_LAST = _LastFile()


def find_clips(records: list[dict], kpfiles: Path) -> list[Clip]:
    """Make one clip per record, grouped by kpfile, in the order of the records."""
    found, groups = {}, {}
    for record in records:
        raw_file = record.get('raw_file')
        key = raw_file if record.get('keypoint') is None and isinstance(raw_file, str) else None
        if key is not None and key not in found:
            try:
                found[key] = locate(key, [kpfiles]), ''
            except (ValueError, FileNotFoundError) as error:
                found[key] = None, str(error)
        path, problem = found.get(key, (None, ''))
        groups.setdefault(str(path), []).append(Clip(record, path, problem))
    return [clip for name in sorted(groups) for clip in groups[name]]


def with_joints(clip: Clip) -> dict:
    """Return the record with its joints.

    Raises:
        LeftOut: If it has no detected person.
        ValueError: If record or joints are invalid.
        OSError: If its kpfile cannot be read.
    """
    record = clip.record
    if clip.problem:
        raise FileNotFoundError(clip.problem)
    if not isinstance(record.get('frame_dir'), str):
        raise ValueError(f'has frame_dir {record.get("frame_dir")!r}; it must be text')
    if clip.kpfile is not None:
        boxes = _LAST.read(clip.kpfile).get(record['frame_dir'])
        if boxes is None:
            raise ValueError(f'kpfile {clip.kpfile} has no keypoint of it')
        record = {key: value for key, value in record.items() if key != 'raw_file'}
        record['keypoint'] = boxes
    if np.shape(record.get('frame_inds')) == (0,):
        raise LeftOut('no box', 'no person was detected')
    problem = record_problem(record)
    if problem is None and record.get('keypoint') is None:
        problem = 'has neither keypoint nor raw_file'
    if problem is not None:
        raise ValueError(problem)
    return record


def survey(parts: list[Path]) -> tuple[list[dict], list[Skipped], dict[str, Path]]:
    """Read the parts: records for the summary, skipped clips, and the part to use for each name."""
    stubs, skipped, places = [], [], {}
    for part in parts:
        content = _read(part)
        skipped += map(tuple, content['skipped'])
        for what, record in content['annotations']:
            name = record['frame_dir']
            if name in places:
                skipped.append((what, GARBLED, f'a second clip with the name {name!r}'))
                continue
            places[name] = part
            shape = boxes_shape(record) if has_boxes(record) else record['keypoint'].shape
            stubs.append({'label': record.get('label'), 'keypoint': np.broadcast_to(np.float16(0), shape)})
    return stubs, skipped, places


def _read(part: Path) -> dict:
    content = read_part(part)
    if content is None:
        raise OSError(f'{part} was removed or damaged during the run; run the command again')
    return content


def chosen(parts: list[Path], places: dict[str, Path]) -> Iterator[dict]:
    """Yield the records to write: the first of each name."""
    left = dict(places)
    for part in parts:
        for _, record in _read(part)['annotations']:
            if left.get(record['frame_dir']) == part:
                del left[record['frame_dir']]
                yield record


def check_inputs(args: argparse.Namespace) -> None:
    """Validate the options before any work.

    Raises:
        ValueError: If a number is out of range.
        OSError: If KPFILES is not a folder, or ``--out`` exists or is ANN.
    """
    if not args.kpfiles.is_dir():
        raise NotADirectoryError(f'KPFILES {args.kpfiles} is not a folder; give the folder of the kpfiles')
    check_job_options(args)
    if args.out.exists() and args.ann.exists() and args.out.samefile(args.ann):
        raise FileExistsError(f'--out {args.out} is the input ANN; choose another file')


def splits_of(splits: Splits | None, places: dict[str, Path]) -> Splits | None:
    """Restrict the splits to the names that were written, in their order."""
    if splits is None:
        return None
    members = {split: set(names) for split, names in splits.items()}
    return {split: [name for name in places if name in names] for split, names in members.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=' '.join(__doc__.splitlines()[:1]))
    parser.add_argument('ann', type=Path, metavar='ANN', help='k400_hrnet.pkl')
    parser.add_argument('kpfiles', type=Path, metavar='KPFILES', help='folder of the kpfiles named by raw_file')
    add_job_options(parser)
    args = parser.parse_args()
    check_inputs(args)
    records, splits = read_annotations(args.ann)
    clips = find_clips(records, args.kpfiles)
    if args.shard:
        clips = of_shard(clips, *args.shard)
    folder = parts_path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    work = plan_parts(folder, clips, None, CLIPS_A_PART)
    make_parts(work, with_joints, args.jobs, 'clips')
    parts = list(work)
    stubs, skipped, places = survey(parts)
    table = table_path(args.out)
    write_skipped(table, skipped)
    check_bad(skipped, len(clips), args.max_bad, table)
    if not places and not args.shard:  # a shard may be empty
        raise ValueError(f'none of {len(clips)} clips has joints; see the reasons in {table}')
    splits = splits_of(splits, places)
    with replacing(args.out) as file:
        writer = PickleWriter(file)
        for record in chosen(parts, places):
            writer.add(record)
        writer.finish(splits)
    print(summary(stubs, splits, 'coco'))
    print(left_out(skipped, len(clips), table))
    print(f'wrote {args.out}')
    shutil.rmtree(folder)


if __name__ == '__main__':
    run(main)
