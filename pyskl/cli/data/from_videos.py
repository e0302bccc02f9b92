"""Convert videos to an annotation pickle: detect people and their poses per frame, track them, fill gaps.

    pip install -e '.[pose]'
    pyskl data from-videos videos.csv --split-by subject --out data/mine/mine.pkl

LIST is a table with a header, name,label[,subject][,split], where names are paths relative to its folder (or
to --root); or, as in PYSKL, text with 'path label' on each line. The networks are downloaded on first use,
unless --pose-model FILE.onnx is given. The same command resumes an interrupted run. Videos without a detected
person are skipped and listed.
"""

import argparse
import os
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import mmcv
import numpy as np

from pyskl.cli.entry import run
from pyskl.converters.finish import finish
from pyskl.converters.job import LeftOut, add_job_options, check_job_options, convert
from pyskl.converters.labels import (
    Labels,
    add_class_option,
    check_classes_free,
    labels_from,
    pair_up,
    paired,
    plain_name,
    read_classes,
    rows_of,
)
from pyskl.converters.splits import add_split_options, check_split_options, splits_of
from pyskl.converters.tables import read_table, read_text
from pyskl.converters.tracked_clips import NOBODY, TRACKING, add_tracking_options, annotation, check_counts, tracked
from pyskl.pose.estimators import MODES, PoseModel, RtmlibPose
from pyskl.skeletons import get_skeleton

CHOSEN = ('stride', 'min_score', *TRACKING)  # options that affect the records
MAX_FRAMES = 1_000_000
MAX_MISSED = 0.05  # share of announced frames that may be missing before a file counts as damaged


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'list', type=Path, metavar='LIST', help="table name,label,... or text with 'path label' on each line"
    )
    parser.add_argument('--root', type=Path, metavar='DIR', help="folder of the videos (default: LIST's folder)")
    add_class_option(parser)
    add_split_options(parser)
    parser.add_argument(
        '--mode', choices=MODES, default='balanced', help='choice of networks, without --pose-model (default: balanced)'
    )
    parser.add_argument('--pose-model', type=Path, metavar='FILE.onnx', help='RTMPose or RTMO network')
    parser.add_argument(
        '--layout', default='coco',
        help='joints to write: coco, openpose, handmp, wholebody, or parts of it such as wholebody:body+hands '
        '(default: coco)',
    )  # fmt: skip
    parser.add_argument('--detector', type=Path, metavar='FILE.onnx', help='YOLOX network, needed by RTMPose')
    parser.add_argument('--device', default='cpu', help='cpu, cuda, cuda:1, mps (default: cpu)')
    parser.add_argument('--stride', type=int, default=1, metavar='N', help='use every N-th frame (default: 1)')
    parser.add_argument(
        '--min-score', type=float, default=0.3, help="minimum of a person's mean joint score (default: 0.3)"
    )
    add_tracking_options(parser)
    add_job_options(parser)


def check_options(args: argparse.Namespace) -> None:
    """Validate the options before any work.

    Raises:
        ValueError: If an option is wrong.
        OSError: If LIST or --root does not exist, or ``--out`` does.
    """
    check_counts(args, stride=1)
    if not 0 <= args.min_score <= 1:
        raise ValueError(f'--min-score must be 0 to 1, got {args.min_score:g}')
    if args.root is not None and not args.root.is_dir():
        raise NotADirectoryError(f'--root {args.root} is not a folder')
    if args.detector and not args.pose_model:
        raise ValueError('--detector needs --pose-model')
    if get_skeleton(args.layout).dims == 3:
        raise ValueError(f'--layout {args.layout} has 3D joints, but the joints of an image have two coordinates')
    check_split_options(args)
    check_job_options(args)


def read_list(path: Path, classes: tuple[str, ...] | None) -> tuple[Labels, list[str]]:
    """Read the rows of LIST and the paths it names.

    Raises:
        ValueError: If it is neither a table with the columns name and label nor lines of ``path label``.
    """
    lines = [(number, line) for number, line in enumerate(read_text(path, 'LIST').splitlines(), 1) if line.strip()]
    if not lines:
        raise ValueError(f"LIST {path} is empty; it needs one line 'path label' per video")
    head = lines[0][1]
    if {'name', 'label'} <= {cell.strip().lower() for cell in head.split(max(',;\t', key=head.count))}:
        columns, table = read_table(path, 'LIST', ('name', 'label'))
    else:
        columns, table = ['name', 'label'], []
        for number, line in lines:
            name, *label = line.strip().rsplit(None, 1)
            if not label:
                raise ValueError(
                    f"LIST {path}, line {number}: {line[:80]!r} is not 'path label'; a table needs a header such as "
                    f'name,label,subject'
                )
            table.append((number, {'name': name, 'label': label[0]}))
    return labels_from(path, columns, table, classes), [cells['name'] for _, cells in table]


def find_videos(names: list[str], root: Path) -> dict[str, Path]:
    """Listed files by clip name; missing ones are reported by :func:`pair_up`."""
    paths = {plain_name(name): root / name for name in names if name}
    return {name: path for name, path in paths.items() if path.is_file()}


@lru_cache(maxsize=1)
def pose_model(
    mode: str, pose: Path | None, detector: Path | None, device: str, threads: int, layout: str
) -> PoseModel:
    """Return the pose model of this process."""
    return RtmlibPose(mode, pose, detector, device, threads, layout)


def frames_of(path: Path, stride: int) -> Iterator[np.ndarray]:
    """Yield every ``stride``-th image of a video, ``(H, W, 3)`` uint8, BGR.

    Raises:
        ValueError: If it is not a video, or its stream ends early.
    """
    video = mmcv.VideoReader(str(path), cache_capacity=1)
    if not video.opened:
        raise ValueError('not a readable video')
    count = 0
    while (frame := video.read()) is not None:
        if count % stride == 0:
            yield frame
        count += 1
        if count > MAX_FRAMES:
            raise ValueError(f'more than {MAX_FRAMES} frames; cut it into clips')
    if count < (1 - MAX_MISSED) * video.frame_cnt:
        raise ValueError(f'its stream ends after {count} of {video.frame_cnt} frames')
    if not count:
        raise ValueError('a video without images')


def make_clip(item: tuple, make_model: Callable[[], PoseModel], options: argparse.Namespace) -> dict:
    """Convert a video to an annotation.

    Raises:
        ValueError, OSError: If it cannot be read.
        LeftOut: If it has no row or shows no person.
    """
    path, row = paired(item)
    model = make_model()
    keypoints, scores, numbers, total, size = [], [], [], 0, None
    for number, frame in enumerate(frames_of(path, options.stride)):
        if size not in (None, frame.shape[:2]):
            raise ValueError(f'its image size changes from {size} to {frame.shape[:2]} (height, width)')
        size, total = frame.shape[:2], number + 1
        keypoint, score = model.people(frame)
        confident = score.mean(-1) >= options.min_score
        keypoints.append(keypoint[confident])
        scores.append(score[confident])
        numbers += [number] * int(confident.sum())
    if not numbers:
        raise LeftOut(NOBODY, f'no person with a score of {options.min_score:g} is in its {total} frames')
    found = np.array(numbers), np.concatenate(keypoints), np.concatenate(scores)
    return annotation(row, *tracked(*found, total, options), size)


def convert_videos(
    args: argparse.Namespace, make_model: Callable[[], PoseModel], layout: str, fetch: Callable[[], object] = int
) -> None:
    """Run the tool with any pose model.

    Args:
        args: Checked options.
        make_model: Returns the pose model of the calling process.
        layout: The skeleton that the model predicts.
        fetch: Called once, when there is work to do.
    """
    labels, names = read_list(args.list, read_classes(args.classes) if args.classes else None)
    check_classes_free(args, labels.classes)
    videos = find_videos(names, args.root or args.list.parent)
    if not videos:
        raise ValueError(
            f'none of the {len(labels.rows)} videos of {args.list} exists; the first would be '
            f'{(args.root or args.list.parent) / names[0]}; --root sets the folder of the videos'
        )
    items = pair_up(labels, videos)
    rows = rows_of(items)
    splits = splits_of(args, rows)
    chosen = {name: getattr(args, name) for name in CHOSEN}
    fetch()
    work = partial(make_clip, make_model=make_model, options=argparse.Namespace(**chosen))
    files = [path for path in (args.pose_model, args.detector) if path]
    models = (args.mode, layout, [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files])
    outcome = convert(args, items, work, (chosen, models), a_part=1, unit='videos')
    finish(args, outcome, rows, splits, layout, labels.classes, labels.notes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    args = parser.parse_args()
    check_options(args)
    # Download the networks once, before the processes start.
    fetch = partial(pose_model, args.mode, args.pose_model, args.detector, args.device, 0, args.layout)
    threads = max(1, (os.cpu_count() or 1) // args.jobs) if args.jobs > 1 else 0
    make_model = partial(pose_model, args.mode, args.pose_model, args.detector, args.device, threads, args.layout)
    convert_videos(args, make_model, args.layout, fetch)


if __name__ == '__main__':
    run(main)
