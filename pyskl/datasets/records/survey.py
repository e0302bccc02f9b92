"""Survey annotation records before training: problems of each record, and duplicates.

:func:`survey` collects tables in one pass over the records; :mod:`pyskl.datasets.records.audit` evaluates them. The
content of a clip is the bytes of its ``keypoint``: clips with equal content are duplicates, whatever their names.

Legend: ``n`` records, ``M`` persons, ``T`` frames, ``V`` joints, ``C`` coordinates.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from pyskl.datasets.records.annotations import Splits, record_problem
from pyskl.datasets.records.boxes import boxes_problem, boxes_shape, has_boxes
from pyskl.datasets.records.clip_table import NO_LABEL, UNKNOWN, ClipTable, label_of, ranges_of
from pyskl.skeletons import SKELETONS

BAD_BOXES = 'has boxes that cannot be arranged in frames'
BAD_LABEL, BAD_TOTAL = 'has a label that is not a class index', "has total_frames that differ from keypoint's T"
_ROLE = re.compile('train|val|test|dev|eval')


@dataclass
class Survey:
    """Tables of ``n`` rows, one per record of a file; 0 if a record's arrays cannot be read."""

    names: list[str]
    labels: np.ndarray  # int64; NO_LABEL, SEVERAL_LABELS
    shapes: np.ndarray  # (n, 4) int64: M, T, V, C
    persons: np.ndarray  # number of persons with a detected joint
    missing: np.ndarray  # fraction of undetected joints among these persons
    content: np.ndarray  # ID of the content, equal for duplicates; -1 for a clip without a detected joint
    has_score: np.ndarray
    third: tuple[float, float]  # minimum and maximum of the third coordinate; (inf, -inf) if there is none
    missing_joints: np.ndarray  # (V,) fraction of frames in which a joint is undetected, over clips of the usual layout
    problems: dict[int, dict[str, str]]  # record: {kind: what was found}
    ranges: np.ndarray  # (n, columns) of pyskl.datasets.records.clip_table; NaN if arrays cannot be read

    def clips(self, rows: np.ndarray, record: Callable[[int], dict]) -> ClipTable:
        """Return the table of the records ``rows``, for checks against a config."""
        part = self.labels[rows], self.shapes[rows], self.has_score[rows], self.ranges[rows]
        return ClipTable(*part, lambda row: record(int(rows[row])))


def span(numbers: Iterable[int]) -> str:
    """Format the range of ``numbers``: ``'4 to 6'``, or ``'4'`` if all are equal; ``'none'`` without any."""
    ends = sorted({int(number) for number in numbers})
    if not ends:
        return 'none'
    return f'{ends[0]}' if len(ends) == 1 else f'{ends[0]} to {ends[-1]}'


def name_key(records: Sequence[object]) -> str:
    """Return the key that splits refer to: ``filename`` if the first record has one, else ``frame_dir``."""
    return 'filename' if isinstance(records[0], dict) and 'filename' in records[0] else 'frame_dir'


def names_of(records: Sequence[object]) -> list[str]:
    """Return the names that splits use for the records; ``record 3`` for one without a name."""
    key = name_key(records)
    return [str(r[key]) if isinstance(r, dict) and key in r else f'record {i}' for i, r in enumerate(records)]


def problems_of(record: object) -> dict[str, str]:
    """Find all problems of a record: a readable description of each kind -> what was found."""
    if not isinstance(record, dict):
        return {'is not a dict': type(record).__name__}
    found = {
        f'has a {key} that is not text': _shown(record[key])
        for key in ('frame_dir', 'filename')
        if isinstance(record.get(key), list | dict | set | np.ndarray)
    }
    try:
        label_of(record)
    except (ValueError, TypeError, OverflowError) as error:
        found[BAD_LABEL] = str(error)
    try:
        first = record_problem(record)
    except (ValueError, TypeError) as error:
        first = str(error)
    if first is None:
        return found
    if has_boxes(record) or (record.get('keypoint') is None and 'frame_inds' in record):
        return found if BAD_LABEL in found and boxes_problem(record) is None else {**found, BAD_BOXES: first}
    found.update(_array_problems(record))
    # If arrays and label are valid, record_problem refers to some other field.
    return found or {'has a field that cannot be used': first}


def _array_problems(record: dict) -> dict[str, str]:
    keypoint, score = record.get('keypoint'), record.get('keypoint_score')
    if keypoint is None:
        return {'has no keypoint': f'keys {sorted(map(str, record))}'}
    if not _is_numbers(keypoint) or keypoint.ndim != 4:
        return {'has a keypoint that is not an array of numbers (M, T, V, C)': _shown(keypoint)}
    found = {}
    persons, frames, joints, channels = keypoint.shape
    if persons == 0:
        found['has no person'] = _shown(keypoint)
    if frames == 0:
        found['has no frames'] = _shown(keypoint)
    if joints == 0 or channels not in (2, 3):
        found['has no joints, or not 2 or 3 coordinates'] = _shown(keypoint)
    total = record.get('total_frames')
    if total is not None and not (np.isscalar(total) and total == frames):
        found[BAD_TOTAL] = f'{str(total)[:20]}, keypoint {keypoint.shape}'
    if not np.isfinite(keypoint).all():
        found['has NaN or infinite coordinates'] = f'{keypoint.size - int(np.isfinite(keypoint).sum())} values'
    if score is None:
        return found
    if not _is_numbers(score) or score.shape != keypoint.shape[:3]:
        found["has a keypoint_score that is not keypoint's (M, T, V)"] = f'{_shown(score)}, keypoint {keypoint.shape}'
    elif not np.isfinite(score).all():
        found['has NaN or infinite scores'] = f'{score.size - int(np.isfinite(score).sum())} values'
    elif channels == 3:
        found['has a keypoint_score but 3 coordinates'] = _shown(keypoint)
    return found


def _is_numbers(array: object) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind in 'fiu'


def _shown(value: object) -> str:
    return f'{value.dtype} {value.shape}' if isinstance(value, np.ndarray) else type(value).__name__


def seen_joints(keypoint: np.ndarray, score: np.ndarray | None = None) -> np.ndarray:
    """Mark detected joints: ``(M, T, V, C)``, ``(M, T, V)`` -> bool ``(M, T, V)``.

    A joint with score 0, or with all coordinates 0, is undetected.
    """
    seen = keypoint[..., 0] != 0
    for channel in range(1, keypoint.shape[-1]):
        seen |= keypoint[..., channel] != 0
    return seen if score is None else seen & (score != 0)


def content_key(keypoint: np.ndarray) -> bytes:
    """Hash dtype, shape and bytes of an array."""
    digest = hashlib.sha256(f'{keypoint.dtype.str} {keypoint.shape}'.encode())
    digest.update(np.ascontiguousarray(keypoint))
    return digest.digest()


def survey(records: Sequence[object], progress: Callable[[Iterable], Iterable] = iter) -> Survey:
    """Survey all records in one pass.

    Args:
        records: The records, valid or not.
        progress: Wraps the iterable, e.g. in a progress bar.
    """
    n = len(records)
    labels, content = np.full(n, NO_LABEL, np.int64), np.full(n, -1, np.int64)
    shapes, persons = np.zeros((n, 4), np.int64), np.zeros(n, np.int64)
    missing, has_score = np.zeros(n), np.zeros(n, bool)
    ranges = np.tile(UNKNOWN, (n, 1))
    problems, contents, by_joint = {}, {}, defaultdict(lambda: [0, 0])
    low, high = np.inf, -np.inf
    for index in progress(range(n)):
        record = records[index]
        found = problems_of(record)
        if found:
            problems[index] = found
        if BAD_LABEL not in found and isinstance(record, dict):
            labels[index] = label_of(record)
        if set(found) - {BAD_LABEL, BAD_TOTAL}:
            continue
        keypoint, score = record.get('keypoint'), record.get('keypoint_score')
        ranges[index] = ranges_of(record)
        if keypoint is None:  # stored in another file: Kinetics-400
            continue
        if has_boxes(record):  # one box is one person in one frame
            shapes[index], has_score[index] = boxes_shape(record), True
            seen = seen_joints(keypoint[:, None, :, :2], keypoint[:, None, :, 2])
            seen = seen[seen.any((1, 2))]
            persons[index] = shapes[index, 0] if len(seen) else 0
        else:
            shapes[index], has_score[index] = keypoint.shape, score is not None
            seen = seen_joints(keypoint, score)
            seen = seen[seen.any((1, 2))]  # persons with a detected joint
            persons[index] = len(seen)
        if len(seen) == 0:
            missing[index] = 1
            continue
        joints = seen.mean((0, 1))
        missing[index] = 1 - joints.mean()
        tally = by_joint[tuple(shapes[index, 2:].tolist())]
        tally[0], tally[1] = tally[0] + 1, tally[1] + joints
        content[index] = contents.setdefault(content_key(keypoint), len(contents))
        if keypoint.ndim == 4 and keypoint.shape[3] == 3:
            low, high = min(low, float(keypoint[..., 2].min())), max(high, float(keypoint[..., 2].max()))
    count, total = max(by_joint.values(), key=lambda tally: tally[0], default=(1, np.ones(0)))
    return Survey(
        names_of(records),
        labels,
        shapes,
        persons,
        missing,
        content,
        has_score,
        (low, high),
        1 - total / count,
        problems,
        ranges,
    )


def usual_layout(table: Survey) -> tuple[int, int]:
    """Return the most frequent (V, C); (0, 0) if no record has joints."""
    known = map(tuple, table.shapes[table.shapes[:, 2] > 0, 2:].tolist())
    return max(Counter(known).items(), key=lambda item: item[1], default=((0, 0), 0))[0]


def guess_layouts(table: Survey) -> tuple[int, list[str]]:
    """Guess the number of coordinates (2 if the third channel lies in [0, 1]) and list the skeletons that fit."""
    joints, dims = usual_layout(table)
    if dims == 3 and table.third[0] >= 0 and table.third[1] <= 1:
        dims = 2
    return dims, [name for name, s in SKELETONS.items() if (s.num_joints, s.dims) == (joints, dims)]


def histogram(values: np.ndarray, bars: int = 10) -> list[tuple[int, int, int]]:
    """Count integers in at most ``bars`` ranges of equal width (the last may be shorter): (first, last, count) each."""
    if len(values) == 0:
        return []
    low, high = int(values.min()), int(values.max())
    width = max(1, -(-(high - low + 1) // bars))
    counts = np.bincount((values - low) // width)
    starts = low + width * np.arange(len(counts))
    return [(int(s), min(int(s) + width - 1, high), int(count)) for s, count in zip(starts, counts, strict=True)]


def members_of(names: Sequence[str], splits: Splits | None) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    """Return the record indices of each split, and its names without a record."""
    places = defaultdict(list)
    for index, name in enumerate(names):
        places[name].append(index)
    inside, unknown = {}, {}
    for split, members in (splits or {}).items():
        wanted = dict.fromkeys(map(str, members))
        inside[split] = np.array(sorted(i for name in wanted for i in places.get(name, ())), np.int64)
        lost = [name for name in wanted if name not in places]
        if lost:
            unknown[split] = lost
    return inside, unknown


def protocol_pairs(splits: Iterable[str]) -> list[tuple[str, str]]:
    """Pair training and evaluation splits of one protocol: ``xsub_train`` with ``xsub_val``, not with ``xset_val``."""
    parts = []
    for name in splits:
        role = _ROLE.search(name)
        if role:
            parts.append((name, role[0] == 'train', name[: role.start()], name[role.end() :]))
    return [
        (train, other)
        for train, is_train, before, after in parts
        for other, other_is_train, other_before, other_after in parts
        if is_train and not other_is_train and before == other_before and _same_run(after, other_after)
    ]


def _same_run(a: str, b: str) -> bool:
    """Whether the suffixes of two splits fit: equal, or one extends the other (``_dedup``), but not 1 and 10."""
    short, long = sorted((a, b), key=len)
    return long.startswith(short) and (not short or not long[len(short) :][:1].isdigit())


def repeats_across(table: Survey, train: np.ndarray, other: np.ndarray) -> dict[int, int]:
    """Map each record of ``other`` that duplicates one in ``train`` to the first such record."""
    first = {}
    for index in train.tolist():
        first.setdefault(int(table.content[index]), index)
    both = set(train.tolist())
    pairs = ((index, first.get(int(table.content[index]))) for index in other.tolist() if table.content[index] >= 0)
    return {index: twin for index, twin in pairs if twin is not None and index not in both}


def same_content(table: Survey, within: np.ndarray | None = None) -> list[list[int]]:
    """Return groups of two or more records with the same content."""
    groups = defaultdict(list)
    for index in range(len(table.names)) if within is None else within.tolist():
        if table.content[index] >= 0:
            groups[int(table.content[index])].append(index)
    return [group for group in groups.values() if len(group) > 1]
