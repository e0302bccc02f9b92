"""Convert arrays in .mat, .npz, .npy, .json or .csv files to an annotation pickle, as described by options.

UTD-MHAD (a1_s1_t1_skeleton.mat, variable d_skel, 20 joints x 3 coordinates x frames, odd subjects train):

    pyskl data from-arrays --pattern 'UTD/**/*_skeleton.mat' --key d_skel --axes VCT \\
        --name 'a(?P<label>\\d+)_s(?P<subject>\\d+)_t\\d+' --first-label 1 \\
        --layout configs/skeletons/utd-mhad.yaml --split-by subject --val-subjects 2,4,6,8 \\
        --out data/utd/utd.pkl

JHMDB (joint_positions/CLASS/VIDEO/joint_positions.mat, variable pos_img, 2 x 15 joints x frames):

    pyskl data from-arrays --pattern 'joint_positions/*/*/joint_positions.mat' --key pos_img \\
        --axes CVT --name '(?P<label>[^/]+)/(?P<clip>[^/]+)/joint_positions' --size 240x320 \\
        --layout configs/skeletons/jhmdb.yaml --split-by splits.csv --out data/jhmdb/jhmdb.pkl

One CSV per clip, one row per frame, a time column and then x and y of each joint:

    pyskl data from-arrays --pattern 'clips/*.csv' --key 1: --axes 'T(VC)' --labels labels.csv \\
        --layout skeleton.yaml --split-by random --out data/mine/mine.pkl

One file of many clips (N), padded with zeros, and their labels in another member:

    pyskl data from-arrays --pattern NTU60_CS.npz --key x_test --axes 'NT(MVC)' --label-key y_test \\
        --layout nturgb+d --split-by random --out data/ntu_cs_test.pkl

Tables with more columns per joint than the layout has, such as MediaPipe's x, y, z and visibility:

    pyskl data from-arrays --pattern 'clips/*.csv' --axes 'T(VC)' --coords x,y,-,score \\
        --size 1080x1920 --layout mediapipe --labels labels.csv --split-by random --out data/mine/mine.pkl

ST-GCN's arrays (N, C, T, V, M) with their pickle of names and labels (also 2s-AGCN's and MS-G3D's):

    pyskl data from-arrays --pattern xsub/train_data_joint.npy --axes NCTVM \\
        --labels xsub/train_label.pkl --layout nturgb+d --name 'P(?P<subject>\\d+)' --split-by subject \\
        --out data/ntu.pkl

The name of a clip is its path below the pattern's fixed part, without suffix. The regular expression --name is
searched in it; its groups may be label (a number or a class name), subject, view and split. Persons of zeros and
zeros at the end are removed.
"""

import argparse
import glob
import re
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from pyskl.cli.entry import run
from pyskl.converters.array_axes import Axes, parse_axes, parse_coords, to_clips, trimmed
from pyskl.converters.array_files import SUFFIXES, read_array
from pyskl.converters.finish import finish
from pyskl.converters.job import add_job_options, check_job_options, convert
from pyskl.converters.label_pickle import SUFFIXES as LABEL_PICKLES
from pyskl.converters.label_pickle import read_label_pickle
from pyskl.converters.labels import (
    Row,
    add_class_option,
    check_classes_free,
    is_index,
    labels_of,
    number_classes,
    pair_up,
    paired,
    plain_name,
    read_classes,
    rows_of,
)
from pyskl.converters.splits import add_split_options, check_split_options, splits_of
from pyskl.skeletons import SKELETONS, Skeleton, get_skeleton

read_once = lru_cache(maxsize=1)(read_array)  # the clips of one file are consecutive


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--pattern', required=True, nargs='+', metavar='GLOB', help="files, in quotes, such as 'raw/**/*.mat'"
    )
    parser.add_argument(
        '--key', help="array in the file: a variable or 'a.b'; for JSON 'people.0.joints', for CSV columns '1:'"
    )
    parser.add_argument('--axes', required=True, help="order of the axes N M T V C, such as TVC, VCT or 'T(VC)'")
    parser.add_argument('--layout', required=True, help='skeleton: a name, or a file such as skeleton.yaml')
    parser.add_argument(
        '--coords', metavar='x,y,z,-', help='meaning of the coordinates of a joint: x, y, z, score, or - to ignore'
    )
    parser.add_argument('--with-score', action='store_true', help="the last coordinate is a joint's score (2D)")
    parser.add_argument('--size', metavar='HxW', help='image size in pixels (2D; default: the extent of the joints)')
    parser.add_argument('--scale', type=float, default=1, help='multiply coordinates, such as 0.001 for mm to m')
    parser.add_argument('--nan-to-zero', action='store_true', help='treat a joint with NaN as undetected: 0')
    parser.add_argument('--dtype', choices=('float16', 'float32'), default='float32', help='of the coordinates')
    parser.add_argument(
        '--name', type=_regex, metavar='REGEX', help='with groups such as (?P<label>..): label, subject, view, split'
    )
    parser.add_argument('--first-label', type=int, default=0, help='lowest label of --name or --label-key (default: 0)')
    parser.add_argument('--label-key', metavar='KEY', help='with axis N: array of labels, (N,) or one-hot (N, classes)')
    parser.add_argument(
        '--labels', type=Path, metavar='FILE', help="table name,label,...; with axis N also ST-GCN's label pickle"
    )
    parser.add_argument('--val-views', metavar='A,B', help='with --split-by view: views of the val split')
    add_class_option(parser)
    add_split_options(parser, view=True)
    add_job_options(parser)


def _regex(text: str) -> re.Pattern:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f'{text!r} is not a regular expression: {error}') from None


def check_options(args: argparse.Namespace) -> tuple[Axes, Skeleton, dict[str, int]]:
    """Validate the options before any work; return the axes, the skeleton, and the sizes it determines.

    Raises:
        ValueError: If an option is wrong, or options contradict each other.
        OSError: If ``--out`` exists.
    """
    if len(args.pattern) > 1:
        raise ValueError(f"--pattern got {len(args.pattern)} files from the shell; put it in quotes: 'raw/*.csv'")
    (args.pattern,) = args.pattern
    axes, skeleton = parse_axes(args.axes), get_skeleton(args.layout)
    if args.coords and args.with_score:
        raise ValueError("--with-score and --coords exclude each other; name the score in --coords, e.g. 'x,y,score'")
    world = f'{skeleton.name}3d'  # the same joints in 3D
    if args.coords and 'z' in args.coords.split(',') and skeleton.dims == 2 and world in SKELETONS:
        print(f'--coords {args.coords}: using the 3D layout {world}; use it in the config too', flush=True)
        skeleton = SKELETONS[world]
    args.columns = parse_coords(args.coords, skeleton.dims) if args.coords else None
    if args.with_score and skeleton.dims != 2:
        raise ValueError(f'--with-score needs 2D joints, but the layout {skeleton.name!r} is {skeleton.dims}D')
    if args.size and not re.fullmatch(r'[1-9]\d{0,5}x[1-9]\d{0,5}', args.size, re.ASCII):
        raise ValueError(f'--size must be height x width in pixels, such as 480x640, got {args.size!r}')
    if not 0 < abs(args.scale) < float('inf'):
        raise ValueError(f'--scale must be a number other than 0, got {args.scale:g}')
    if args.label_key and 'N' not in axes.letters:
        raise ValueError('--label-key needs an axis N in --axes, i.e. several clips per file')
    if args.labels and args.labels.suffix.lower() in LABEL_PICKLES and 'N' not in axes.letters:
        raise ValueError(f'--labels {args.labels}: a pickle of (names, labels) needs an axis N in --axes')
    given = [option for option, value in (('--labels', args.labels), ('--label-key', args.label_key)) if value]
    if args.name and 'label' in args.name.groupindex:
        given.append('--name with a group label')
    if len(given) != 1:
        passed = ' and '.join(given) if given else 'none'
        raise ValueError(f"exactly one of --labels, --label-key and --name '(?P<label>..)' must be given, got {passed}")
    args.who = 'view' if args.split_by == 'view' else 'subject'  # the group that train and val do not share
    if args.split_by == 'view':
        if not args.name or 'view' not in args.name.groupindex or not args.val_views:
            raise ValueError("--split-by view needs --val-views A,B and --name with a group '(?P<view>..)'")
        args.split_by, args.val_subjects = 'subject', args.val_views
    check_split_options(args)
    check_job_options(args)
    channels = len(args.columns) if args.columns else skeleton.dims + args.with_score
    return axes, skeleton, {'V': skeleton.num_joints, 'C': channels}


def find_files(pattern: str) -> dict[str, Path]:
    """Find the files by clip name, sorted by name.

    Raises:
        ValueError: If there is none, or two have the same name.
    """
    root = Path(glob.escape(pattern)) if not glob.has_magic(pattern) else _fixed(pattern)
    found = {}
    for path in sorted(map(Path, glob.glob(pattern, recursive=True))):
        if not path.is_file():
            continue
        if path.suffix.lower() not in SUFFIXES:
            raise ValueError(f'--pattern {pattern} matches {path}; files must end in one of {", ".join(SUFFIXES)}')
        relative = path.relative_to(root) if root != path else Path(path.name)
        name = relative.with_suffix('').as_posix()
        if name in found:
            raise ValueError(f'--pattern {pattern} matches {found[name]} and {path}, clips of equal name; narrow it')
        found[name] = path
    if not found:
        raise ValueError(f"--pattern {pattern} matches no file; put it in quotes, and use '**' for nested folders")
    return found


def _fixed(pattern: str) -> Path:
    """Return the folders before the first part with a wildcard."""
    parts = []
    for part in Path(pattern).parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def clips_of(files: dict[str, Path], args: argparse.Namespace, axes: Axes) -> dict[str, tuple]:
    """Return the source of each clip, (path, index), by name; with an axis N every file is opened once.

    Raises:
        ValueError: If a file of many clips cannot be read.
    """
    if 'N' not in axes.letters:
        return {name: (path, 0) for name, path in files.items()}
    position = [i for i, group in enumerate(axes.groups) if group == 'N']
    if not position:
        raise ValueError(f'--axes {axes.text}: N must not be in parentheses')
    clips = {}
    for name, path in files.items():
        try:
            count = read_once(path, args.key).shape[position[0]]
        except (ValueError, IndexError) as error:
            raise ValueError(f'{path}: {error}') from None
        clips |= {f'{name}/{number:06d}': (path, number) for number in range(count)}
    return clips


def rows_from_names(
    clips: dict[str, tuple], args: argparse.Namespace
) -> tuple[list[tuple], tuple[str, ...] | None, list[str]]:
    """Make the items for ``convert`` (clip, and its row or a reason), class names for named labels, and notes.

    Raises:
        ValueError: If --name matches no name.
    """
    matches = {name: args.name.search(name) if args.name else None for name in clips}
    if args.name and not any(matches.values()):
        raise ValueError(f'--name {args.name.pattern!r} matches no clip; the first is named {next(iter(clips))!r}')
    if args.label_key:
        texts = [str(label) for label in _keyed_labels(clips, args)]
    else:
        texts = [(found['label'] or '') if found else '' for found in matches.values()]
    texts = [str(int(text) - args.first_label) if is_index(text) else text for text in texts]
    labels, classes, notes = number_classes(texts, read_classes(args.classes) if args.classes else None)
    items = []
    for (name, what), label in zip(clips.items(), labels, strict=True):
        found = matches[name]
        fields = found.groupdict() if found else {}
        if args.name and not found:
            items.append((what, f'--name {args.name.pattern!r} does not match {name!r}'))
        elif isinstance(label, str):
            items.append((what, label))
        else:
            items.append((what, Row(name, label, fields.get(args.who), fields.get('split'))))
    return items, classes, notes


def rows_from_pickle(
    clips: dict[str, tuple], args: argparse.Namespace
) -> tuple[list[tuple], tuple[str, ...] | None, list[str]]:
    """Like :func:`rows_from_names`, with names and labels from a pickle.

    Raises:
        ValueError: If their number differs from the number of clips.
    """
    names, labels = read_label_pickle(args.labels)
    if len(names) != len(clips):
        raise ValueError(f'--labels {args.labels} has {len(names)} labels for {len(clips)} clips of {args.pattern}')
    classes = read_classes(args.classes) if args.classes else None
    items = []
    for what, name, label in zip(clips.values(), names, labels, strict=True):
        label -= args.first_label
        if label < 0 or (classes and label >= len(classes)):
            items.append((what, f'label {label} of {name!r} is not a class'))
        else:
            items.append((what, _also(Row(name, label), args) if args.name else Row(name, label)))
    check_classes_free(args, classes)
    return items, classes, []


def _keyed_labels(clips: dict[str, tuple], args: argparse.Namespace) -> list[int]:
    labels = []
    counts = {}
    for path, _ in clips.values():
        counts[path] = counts.get(path, 0) + 1
    for path, count in counts.items():
        try:
            if path.suffix.lower() == '.npy':
                raise ValueError('--label-key: a .npy file has one array only; give its labels as --labels LABELS.pkl')
            found = read_array(path, args.label_key)
            found = found.argmax(1) if found.ndim == 2 and found.shape[1] > 1 else found.reshape(-1)
            if len(found) != count or (found != found.astype(np.int64)).any():
                raise ValueError(f'--label-key {args.label_key} has {found.shape} {found.dtype} for {count} clips')
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None
        labels += [int(label) for label in found]
    return labels


def make_clip(
    item: tuple, key: str | None, axes: Axes, sizes: dict[str, int], options: argparse.Namespace
) -> dict:  # one argument per item; the rest is bound
    """Convert an item to an annotation.

    Raises:
        ValueError: If its array is invalid.
        LeftOut: If it has no row.
    """
    (path, number), row = paired(item)
    array = read_once(path, key)
    if 'N' in axes.letters:
        array = np.take(array, [number], axis=axes.groups.index('N'))
    keypoint = to_clips(array, axes, sizes)[0].astype(np.float64)
    columns = options.columns or (*'xyz'[: sizes['C'] - options.with_score], *(['score'] * options.with_score))
    keypoint = keypoint[..., [columns.index(name) for name in ('x', 'y', 'z', 'score') if name in columns]]
    with_score, dims = 'score' in columns, 3 if 'z' in columns else 2
    lost = np.isnan(keypoint).any(axis=-1)
    if lost.any():
        if not options.nan_to_zero:
            raise ValueError(f'{int(lost.sum())} joints are NaN; pass --nan-to-zero to treat them as undetected')
        keypoint[lost] = 0
    keypoint = trimmed(keypoint)
    record = {'frame_dir': row.name, 'label': row.label}
    if dims == 2:
        seen = keypoint[..., :2].any(axis=-1)
        score = keypoint[..., 2] if with_score else seen
        keypoint = keypoint[..., :2]
        record['keypoint_score'] = np.where(seen, score, 0).astype(np.float16)
    with np.errstate(over='ignore'):
        keypoint = (keypoint * options.scale).astype(options.dtype)
    if not np.isfinite(keypoint).all():
        raise ValueError(f'coordinates are infinite or exceed {options.dtype}')
    record['keypoint'] = np.ascontiguousarray(keypoint)
    record['total_frames'] = keypoint.shape[1]
    if dims == 2:
        record['img_shape'] = record['original_shape'] = row.size or options.size or _span(keypoint)
    return record


def _span(keypoint: np.ndarray) -> tuple[int, int]:
    """Smallest (height, width) from 0 that contains the joints."""
    width, height = keypoint.reshape(-1, 2).max(axis=0).astype(float)
    return max(int(np.ceil(height)) + 1, 1), max(int(np.ceil(width)) + 1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    args = parser.parse_args()
    axes, skeleton, sizes = check_options(args)
    clips = clips_of(find_files(args.pattern), args, axes)
    if args.labels and args.labels.suffix.lower() in LABEL_PICKLES:
        items, classes, notes = rows_from_pickle(clips, args)
    elif args.labels:
        labels = labels_of(args)
        items = pair_up(labels, {plain_name(name): what for name, what in clips.items()})
        classes, notes = labels.classes, labels.notes
        if args.name:  # for the subject or the split
            items = [(what, _also(row, args)) for what, row in items]
    else:
        items, classes, notes = rows_from_names(clips, args)
        check_classes_free(args, classes)
    rows = rows_of(items)
    if not rows:
        raise ValueError(f'no clip has a label; first reason: {items[0][1]}')
    splits = splits_of(args, rows)
    size = tuple(map(int, args.size.split('x'))) if args.size else None
    chosen = argparse.Namespace(
        nan_to_zero=args.nan_to_zero, with_score=args.with_score, scale=args.scale, dtype=args.dtype, size=size,
        columns=args.columns,
    )  # fmt: skip
    work = partial(make_clip, key=args.key, axes=axes, sizes=sizes, options=chosen)
    outcome = convert(args, items, work, (args.key, axes, sizes, vars(chosen)))
    finish(args, outcome, rows, splits, skeleton.name, classes, notes)


def _also(row: Row | str, args: argparse.Namespace) -> Row | str:
    """Fill in a row's subject and split from its name if the table has none."""
    found = args.name.search(row.name) if isinstance(row, Row) else None
    if not found:
        return row
    fields = found.groupdict()
    return replace(row, subject=row.subject or fields.get(args.who), split=row.split or fields.get('split'))


if __name__ == '__main__':
    run(main)
