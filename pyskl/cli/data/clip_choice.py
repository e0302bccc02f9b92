"""Selection of clips of an annotation file, their skeleton, and the names of output files."""

import argparse
import difflib
import hashlib
import re
from collections.abc import Sequence

import numpy as np
import yaml

from pyskl.datasets.pipelines.decompress import DecompressPose
from pyskl.datasets.records.annotations import unknown_split
from pyskl.datasets.records.boxes import has_boxes
from pyskl.datasets.records.store import RecordStore
from pyskl.datasets.records.survey import span
from pyskl.errors import one_line
from pyskl.skeletons import SKELETONS, Skeleton, get_skeleton
from pyskl.visualization.skeleton import visibility

NAME_BYTES = 120  # maximal length of a file name
LOOKED_AT = 20  # records to inspect, to distinguish scores from depths
SEARCHED = 100_000  # names to search for similar ones


def add_choice_options(parser: argparse.ArgumentParser, otherwise: str = 'default: a contact sheet of all') -> None:
    """Add ``--ids``, ``--split``, ``--label``, ``--random``, ``--seed``; ``otherwise`` describes the default."""
    choose = parser.add_argument_group(f'selection of clips ({otherwise})')
    choose.add_argument('--ids', nargs='+', metavar='NAME', help='clips by frame_dir')
    choose.add_argument('--split', help='clips of a split')
    choose.add_argument(
        '--label', nargs='+', metavar='L', help='clips of these classes: numbers, or names of --classes'
    )
    choose.add_argument('--random', type=int, metavar='N', help='N random clips of those selected')
    choose.add_argument(
        '--seed', type=int, default=0, help='seed of --random, the sheet and the augmentation (default: 0)'
    )


def chosen_clips(args: argparse.Namespace, store: RecordStore, classes: Sequence[str]) -> np.ndarray:
    """Record indices that the options select; all by default.

    Raises:
        ValueError: If a name, split or label does not exist; suggests similar ones.
    """
    if args.random is not None and args.random < 1:
        raise ValueError(f'--random must be at least 1, got {args.random}')
    chosen = np.arange(len(store))
    if args.split is not None:
        if args.split not in (store.splits or ()):
            raise unknown_split(args.file, args.split, store.splits)
        chosen = np.asarray(store.splits[args.split])
    if args.ids:
        chosen = _by_name(args, store, chosen)
    if args.label:
        labels = [_label(word, classes) for word in args.label]
        chosen = chosen[np.isin(store.labels[chosen], labels)]
        if len(chosen) == 0:
            known = span(store.labels[store.labels >= 0])
            raise ValueError(f'--label {" ".join(args.label)}: no selected clip has it; {args.file} has labels {known}')
    if args.random is not None and args.random < len(chosen):
        chosen = np.sort(np.random.RandomState(args.seed % 2**32).choice(chosen, args.random, replace=False))
    return chosen


def _by_name(args: argparse.Namespace, store: RecordStore, within: np.ndarray) -> np.ndarray:
    names, places = store.names, {}
    for index in within.tolist():
        places.setdefault(names[index], []).append(index)
    for name in args.ids:
        if name not in places:
            known = list(places)[:SEARCHED]
            near = [other for other in known if name in other][:3]
            near = near or difflib.get_close_matches(name, known, n=3, cutoff=0.5) or known[:3]
            where = f'split {args.split!r} of {args.file}' if args.split else str(args.file)
            raise ValueError(f'--ids: {where} has no clip {name!r}; similar names: {", ".join(map(repr, near))}')
    return np.array([index for name in dict.fromkeys(args.ids) for index in places[name]], np.int64)


def _label(word: str, classes: Sequence[str]) -> int:
    if word.isascii() and word.isdigit():
        return int(word)
    if word in classes:
        return list(classes).index(word)
    near = difflib.get_close_matches(word, classes, n=3, cutoff=0.4)
    hint = f'similar names: {", ".join(map(repr, near))}' if near else 'give a number, or the names with --classes FILE'
    raise ValueError(f'--label {word!r} is neither a number nor a class; {hint}')


def named_label(label: int, classes: Sequence[str]) -> str:
    """Return the caption of a label."""
    if label < 0:
        return 'no single label'
    return f'{label} {classes[label]}' if label < len(classes) else f'label {label}'


def file_stems(names: Sequence[str]) -> list[str]:
    """Return a unique file name for each clip that cannot refer to another folder."""
    stems, taken = [], set()
    for name in names:
        stem = re.sub(r'[^\w.-]+', '_', name).lstrip('.-') or 'clip'
        short = stem.encode(errors='replace')[:NAME_BYTES].decode(errors='ignore')
        if short != name:  # two names may have become equal
            short += '-' + hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:6]
        stem, number = short, 2
        while stem in taken:
            stem, number = f'{short}-{number}', number + 1
        taken.add(stem)
        stems.append(stem)
    return stems


def layout_of(text: str) -> Skeleton:
    """Parse ``--layout``: the name of a shipped layout, a .yaml or .json file of a skeleton, or a dict as text.

    Raises:
        ValueError: If it is not a skeleton.
    """
    if not text.lstrip().startswith('{'):
        return get_skeleton(text)
    try:
        return get_skeleton(yaml.safe_load(text))
    except (yaml.YAMLError, TypeError) as error:
        raise ValueError(f'--layout {text!r} is not the dict of a skeleton: {one_line(error)}') from None


def guess_layout(store: RecordStore) -> tuple[Skeleton, str]:
    """Guess the skeleton that fits most records; return it and a line about the choice.

    Raises:
        ValueError: If no record has joints.
    """
    known = np.flatnonzero(store.shapes[:, 2] > 0)
    if len(known) == 0:
        broken = problem_numbers(store)
        first = f'; first {store.names[broken[0]]!r}: {problem_of(store, broken[0])}' if len(broken) else ''
        raise ValueError(f'no record has valid joints{first}')
    shapes, counts = np.unique(store.shapes[known, 2:], axis=0, return_counts=True)
    joints, dims = shapes[counts.argmax()].tolist()
    if dims == 3:
        usual = known[(store.shapes[known, 2:] == (joints, dims)).all(1)]
        some = usual[:: max(1, len(usual) // LOOKED_AT)][:LOOKED_AT].tolist()
        thirds = [store.record(index)['keypoint'][..., 2] for index in some]
        if all(third.min() >= 0 and third.max() <= 1 for third in thirds):
            dims = 2  # the third channel is a score
    fitting = [s for s in SKELETONS.values() if (s.num_joints, s.dims) == (joints, dims)]
    if fitting:
        return fitting[0], f'guessed layout: {fitting[0].name} ({joints} joints, {dims}D)'
    unnamed = get_skeleton({'name': 'unknown', 'joints': joints, 'edges': [], 'dims': dims})
    return unnamed, f'no layout has {joints} joints in {dims}D, so no limbs are drawn; pass --layout to set a skeleton'


def problem_numbers(store: RecordStore) -> np.ndarray:
    """Indices of the invalid records."""
    return np.asarray(store.problem_rows, np.int64)


def problem_of(store: RecordStore, index: int) -> str | None:
    """Describe the problem of a record; None if it is valid."""
    if index not in problem_numbers(store):
        return None
    return store.problem(index)


def is_processed(store: RecordStore) -> bool:
    """Whether the records of the file were processed by the first transforms of a pipeline."""
    return bool(store.steps)


def joints_of(store: RecordStore, index: int, skeleton: Skeleton) -> tuple[dict, np.ndarray, np.ndarray]:
    """Return record ``index``, its coordinates ``(M, T, V, C)`` and visibilities ``(M, T, V)``.

    Raises:
        ValueError: If it is invalid, has no person, or its joints are not the skeleton's.
    """
    problem = problem_of(store, index)
    if problem is not None:
        raise ValueError(problem)
    record = store.record(index)
    if record.get('keypoint') is None:
        raise ValueError('has its joints in another file; pyskl data k400 merges the files')
    if has_boxes(record):
        record = DecompressPose(squeeze=False)(dict(record))
    keypoint, score = record['keypoint'], record.get('keypoint_score')
    if keypoint.shape[2] != skeleton.num_joints:
        raise ValueError(f'has keypoint {keypoint.shape}, but {skeleton.name!r} has {skeleton.num_joints} joints')
    if keypoint.shape[3] < skeleton.dims:
        raise ValueError(
            f'has keypoint {keypoint.shape}, but {skeleton.name!r} is {skeleton.dims}D; choose another --layout'
        )
    keypoint = keypoint.astype(np.float32)
    if skeleton.dims == 2 and keypoint.shape[3] == 3:
        keypoint, score = keypoint[..., :2], keypoint[..., 2]
    visible = visibility(keypoint, score, zero_is_unseen=not is_processed(store))
    if not (visible > 0).any():
        raise ValueError('shows no person: no joint was detected')
    return record, keypoint, visible
