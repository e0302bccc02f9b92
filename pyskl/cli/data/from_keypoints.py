"""Convert a pose estimator's keypoint JSON, one file per video, to the annotation pickle.

    pyskl data from-keypoints poses/ --labels labels.csv --split-by subject --out data/mine/mine.pkl

    poses/clip_0001.json ...                                     MMPose, AlphaPose, COCO, OpenPose in one file
    poses/clip_0001/clip_0001_000000000000_keypoints.json ...    OpenPose: folder per video, file per frame
    poses/clip_0001/alphapose-results.json ...                   AlphaPose

labels.csv has a header: name,label and, if known, subject,split,width,height,num_frames. The name is that of
the file (or folder) without .json; the label is a class index or a class name. The format is detected from
the content. Persons are tracked over time; the --max-persons with the longest and most confident tracks are
selected, gaps are interpolated with score 0.
"""

import argparse
import re
from collections import Counter, defaultdict
from functools import partial
from pathlib import Path

import numpy as np

from pyskl.cli.entry import run
from pyskl.converters.detections import Detections
from pyskl.converters.finish import finish
from pyskl.converters.job import LeftOut, add_job_options, check_job_options, convert
from pyskl.converters.keypoint_json import FORMATS, read_frames, read_keypoints
from pyskl.converters.labels import add_label_options, labels_of, pair_up, paired, plain_name, rows_of
from pyskl.converters.splits import add_split_options, check_split_options, splits_of
from pyskl.converters.tracked_clips import NOBODY, TRACKING, add_tracking_options, annotation, check_counts, tracked
from pyskl.pose.joint_orders import find_order
from pyskl.skeletons import Skeleton, get_skeleton

MAX_FRAMES = 1_000_000
MAX_VALUES = 1 << 25  # M x T x V of a clip
_OF_A_FRAME = re.compile(r'(.*?)_?(\d+)_keypoints\.json', re.ASCII)
# Default file names of estimators; the video's name is the folder's, or follows them.
_FILE_NAMES = {'alphapose-results', 'results', 'predictions', 'keypoints', 'pose', 'poses'}
_FRONTS = ('results_', 'AlphaPose_', 'alphapose_')


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('source', type=Path, metavar='DIR', help='folder of JSON files, searched to any depth')
    add_label_options(parser)
    add_split_options(parser)
    add_job_options(parser)
    parser.add_argument(
        '--format', choices=('auto', *FORMATS), default='auto', help='expected format (default: detect)'
    )
    parser.add_argument(
        '--layout', metavar='NAME', help='a layout or a skeleton.yaml (default: by the number of joints)'
    )
    add_tracking_options(parser)
    parser.add_argument(
        '--first-frame', metavar='N', default='auto',
        help='number of the first frame of a video, or lowest: that of the first detection (default: 1 if the lowest '
        'is 1, else 0)',
    )  # fmt: skip


def check_options(args: argparse.Namespace) -> Skeleton | None:
    """Validate the options before any work; return the requested layout.

    Raises:
        ValueError: If an option is wrong.
        OSError: If DIR is not a folder, or ``--out`` exists.
    """
    check_counts(args)
    if args.first_frame not in ('auto', 'lowest') and not re.fullmatch(r'\d{1,15}', args.first_frame, re.ASCII):
        raise ValueError(f'--first-frame must be a number, auto or lowest, got {args.first_frame!r}')
    if args.source.is_file():
        raise NotADirectoryError(f'DIR {args.source} is a file; give the folder with the JSON files')
    if not args.source.is_dir():
        raise FileNotFoundError(f'DIR {args.source} does not exist; give the folder with the JSON files')
    skeleton = get_skeleton(args.layout) if args.layout else None
    if skeleton is not None and skeleton.dims != 2:
        raise ValueError(f'--layout {args.layout} has {skeleton.dims}D joints, but keypoints in JSON are 2D')
    check_split_options(args)
    check_job_options(args)
    return skeleton


def find_clips(folder: Path, known: set[str]) -> dict[str, Path | tuple]:
    """Find the source of each clip by name: a JSON file, or a folder and (frame number, file) of each frame.

    Args:
        folder: Searched to any depth.
        known: Names in labels.csv, which decide between several possible names of a file.

    Raises:
        ValueError: If there is no JSON file, or two clips have the same name.
    """
    clips, frames = {}, defaultdict(list)
    for path in sorted(folder.rglob('*.json')):
        match = _OF_A_FRAME.fullmatch(path.name)
        if match:
            frames[path.parent, match[1]].append((int(match[2]), path))
        elif path.is_file():
            _add(clips, folder, path, _names_of(path, folder), known)
    fronts = Counter(parent for parent, _ in frames)
    for (parent, front), files in frames.items():
        own = (parent.relative_to(folder) / front).as_posix()
        names = [own] if front else []
        if fronts[parent] == 1:
            names.insert(
                0, parent.relative_to(folder).as_posix() if parent != folder else front or folder.resolve().name
            )
        _add(clips, folder, (parent, tuple(sorted(files))), names, known)
    if not clips:
        raise ValueError(f'DIR {folder} and its subfolders have no .json file')
    return dict(sorted(clips.items()))


def _names_of(path: Path, folder: Path) -> list[str]:
    """Possible clip names of a file, most likely first."""
    relative = path.relative_to(folder).with_suffix('')
    names = [relative.as_posix()]
    names += [relative.with_name(path.stem.removeprefix(front)).as_posix() for front in _FRONTS
              if path.stem.startswith(front) and path.stem != front]  # fmt: skip
    if path.stem in _FILE_NAMES and path.parent != folder:
        names.insert(0, relative.parent.as_posix())
    return names


def _add(clips: dict, folder: Path, what: Path | tuple, names: list[str], known: set[str]) -> None:
    names = [plain_name(name) for name in names]
    name = next((name for name in names if name in known or name.rsplit('/', 1)[-1] in known), names[0])
    if name in clips:
        first = clips[name]
        raise ValueError(f'DIR {folder} has two clips named {name!r}: {_path(first)} and {_path(what)}')
    clips[name] = what


def _path(what: Path | tuple) -> Path:
    return what[0] if isinstance(what, tuple) else what


def first_frame(found: Detections, asked: str, num_frames: int | None) -> int:
    """Determine the number of the video's first frame.

    Args:
        found: The detections, at least one.
        asked: ``--first-frame``.
        num_frames: Frames of the video, if known.

    Raises:
        ValueError: If persons start so late that the numbers are unlikely to be frame numbers.
    """
    if asked not in ('auto', 'lowest'):
        return int(asked)
    low, high = found.listed or (int(found.frame.min()), int(found.frame.max()))
    if asked == 'lowest' or found.listed:
        return low
    if num_frames is None and low > 1000 and low > 10 * (high - low):  # image ids, a part of a long video
        raise ValueError(f'persons are in frames {low} to {high} only; pass --first-frame lowest, or 0 if this is so')
    return 1 if low == 1 or high == num_frames else 0


def make_clip(item: tuple, skeleton: Skeleton | None, options: argparse.Namespace) -> dict:
    """Convert an item of ``pair_up``; ``layout`` and ``size_from`` record how it was interpreted.

    Raises:
        ValueError, OSError: If its files are invalid or unreadable.
        LeftOut: If it has no row, or no person.
    """
    what, row = paired(item)
    found = read_frames(what[1]) if isinstance(what, tuple) else read_keypoints(what)
    if options.format not in ('auto', found.format) and found.format:
        raise ValueError(f'its format is {found.format}, not --format {options.format}')
    if not len(found.frame):
        raise LeftOut(NOBODY, 'it has no person')
    skeleton, order = find_order(found.keypoint.shape[1], found.joints, skeleton)
    seen = (found.score[:, order] > 0).any(1)
    if not seen.any():
        raise LeftOut(NOBODY, f'it has no person with a joint of layout {skeleton.name}')
    start = first_frame(found, options.first_frame, row.num_frames)
    frame = found.frame[seen] - start
    if frame.min() < 0:
        raise ValueError(f'frame {frame.min() + start} is before --first-frame {start}')
    num_frames = row.num_frames or max(int(frame.max()), found.listed[1] - start if found.listed else 0) + 1
    if frame.max() >= num_frames:
        raise ValueError(
            f'a person is in frame {frame.max() + start}, but there are {num_frames} frames from frame {start} on'
        )
    if num_frames > MAX_FRAMES or options.max_persons * num_frames * len(order) > MAX_VALUES:
        raise ValueError(f'{num_frames} frames are too many; pass --first-frame lowest if numbers start high')
    people = found.keypoint[seen][:, order], found.score[seen][:, order]
    keypoint, score = tracked(frame, *people, num_frames, options, track=found.track[seen])
    size, size_from = (row.size, 'labels') if row.size else (found.size, 'file')
    if size is None:
        size, size_from = extent(keypoint), 'keypoints'
    outside = share_outside(keypoint, score, size)
    if outside > 0.5:
        raise ValueError(
            f'{outside:.0%} of the joints are outside the image of {size[1]} x {size[0]}; is its size right?'
        )
    return {**annotation(row, keypoint, score, size), 'layout': skeleton.name, 'size_from': size_from}


def extent(keypoint: np.ndarray) -> tuple[int, int]:
    """Smallest (height, width) from (0, 0) that contains every joint of ``(M, T, V, 2)``."""
    width, height = np.floor(keypoint.reshape(-1, 2).max(0)).clip(0) + 1
    return int(height), int(width)


def share_outside(keypoint: np.ndarray, score: np.ndarray, size: tuple[int, int]) -> float:
    """Share of the detected joints outside an image of (height, width)."""
    places = keypoint[score > 0]
    outside = (places < 0) | (places > (size[1], size[0]))
    return float(outside.any(-1).mean())


def one_layout(records: list[dict]) -> str | None:
    """Pop the layout from all records and return it.

    Raises:
        ValueError: If there are several.
    """
    names, counts = {}, Counter()
    for record in records:
        layout = record.pop('layout')
        counts[layout] += 1
        names.setdefault(layout, record['frame_dir'])
    if len(counts) > 1:
        listed = ', '.join(f'{count} of {layout} (such as {names[layout]})' for layout, count in counts.most_common())
        raise ValueError(f'clips have several layouts: {listed}; pass --layout coco to convert them if possible')
    return next(iter(counts), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    args = parser.parse_args()
    skeleton = check_options(args)
    labels = labels_of(args)
    items = pair_up(labels, find_clips(args.source, {row.name for row in labels.rows}))
    rows = rows_of(items)
    splits = splits_of(args, rows)
    chosen = {name: getattr(args, name) for name in ('format', *TRACKING, 'first_frame')}
    work = partial(make_clip, skeleton=skeleton, options=argparse.Namespace(**chosen))
    outcome = convert(args, items, work, (skeleton, chosen), unit='clips')
    layout = one_layout(outcome.records)
    guessed = sum(record.pop('size_from') == 'keypoints' for record in outcome.records)
    notes = list(labels.notes)
    if guessed:
        notes.insert(
            0,
            f'note: {guessed} clips have no image size, so the extent of their keypoints is used; columns width and '
            f'height of {args.labels} would be better',
        )
    finish(args, outcome, rows, splits, layout, labels.classes, notes)


if __name__ == '__main__':
    run(main)
