"""Looking at annotation records before training: what is wrong with each, and what repeats.

Everything is read off the records in one pass (:func:`survey`); :mod:`pyskl.datasets.records.audit` judges its tables.
A clip's content is the bytes of its ``keypoint``: two clips of one content are the same clip, whatever their names.

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
BAD_LABEL, BAD_TOTAL = 'has a label that is no class index', "has total_frames other than keypoint's T"
_ROLE = re.compile('train|val|test|dev|eval')


@dataclass
class Survey:
    """Tables of ``n`` rows over the records of a file; 0 where a record's arrays cannot be read."""

    names: list[str]
    labels: np.ndarray  # int64; NO_LABEL, SEVERAL_LABELS
    shapes: np.ndarray  # (n, 4) int64: M, T, V, C
    persons: np.ndarray  # those of whom any joint was seen
    missing: np.ndarray  # share of joints not seen, of the persons that were
    content: np.ndarray  # number of the content; -1 for a clip in which no joint was seen
    has_score: np.ndarray
    third: tuple[float, float]  # least and greatest third coordinate; (inf, -inf) where there is none
    missing_joints: np.ndarray  # (V,) share of frames in which a joint was not seen, clips of the usual layout
    problems: dict[int, dict[str, str]]  # record: {kind: what was found}
    ranges: np.ndarray  # (n, columns) of pyskl.datasets.records.clip_table; NaN where arrays cannot be read

    def clips(self, rows: np.ndarray, record: Callable[[int], dict]) -> ClipTable:
        """The table of some records, to be compared with a config."""
        part = self.labels[rows], self.shapes[rows], self.has_score[rows], self.ranges[rows]
        return ClipTable(*part, lambda row: record(int(rows[row])))


def name_key(records: Sequence[object]) -> str:
    """The key by which splits refer to records: ``filename`` where the first has one, else ``frame_dir``."""
    return 'filename' if isinstance(records[0], dict) and 'filename' in records[0] else 'frame_dir'


def names_of(records: Sequence[object]) -> list[str]:
    """What splits call each record; ``record 3`` for one without a name."""
    key = name_key(records)
    return [str(r[key]) if isinstance(r, dict) and key in r else f'record {i}' for i, r in enumerate(records)]


def problems_of(record: object) -> dict[str, str]:
    """Everything that is wrong with a record: kind -> what was found; the kinds are sentences for people."""
    if not isinstance(record, dict):
        return {'is no dict': type(record).__name__}
    found = {
        f'has a {key} that is no text': _shown(record[key])
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
    # Of a record with sound arrays and label, record_problem's verdict is on another field.
    return found or {'has a field that cannot be used': first}


def _array_problems(record: dict) -> dict[str, str]:
    keypoint, score = record.get('keypoint'), record.get('keypoint_score')
    if keypoint is None:
        return {'has no keypoint': f'keys {sorted(map(str, record))}'}
    if not _is_numbers(keypoint) or keypoint.ndim != 4:
        return {'has a keypoint that is no array of numbers (M, T, V, C)': _shown(keypoint)}
    found = {}
    persons, frames, joints, channels = keypoint.shape
    if persons == 0:
        found['has no person'] = _shown(keypoint)
    if frames == 0:
        found['has no frames'] = _shown(keypoint)
    if joints == 0 or channels not in (2, 3):
        found['has no joints, or neither 2 nor 3 coordinates'] = _shown(keypoint)
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
        found['has a keypoint_score beside 3 coordinates'] = _shown(keypoint)
    return found


def _is_numbers(array: object) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind in 'fiu'


def _shown(value: object) -> str:
    return f'{value.dtype} {value.shape}' if isinstance(value, np.ndarray) else type(value).__name__


def seen_joints(keypoint: np.ndarray, score: np.ndarray | None = None) -> np.ndarray:
    """``(M, T, V, C)``, ``(M, T, V)`` -> bool ``(M, T, V)``: neither score 0 nor all coordinates 0."""
    seen = keypoint[..., 0] != 0
    for channel in range(1, keypoint.shape[-1]):
        seen |= keypoint[..., channel] != 0
    return seen if score is None else seen & (score != 0)


def content_key(keypoint: np.ndarray) -> bytes:
    """A digest of the array: dtype, shape and bytes."""
    digest = hashlib.sha256(f'{keypoint.dtype.str} {keypoint.shape}'.encode())
    digest.update(np.ascontiguousarray(keypoint))
    return digest.digest()


def survey(records: Sequence[object], progress: Callable[[Iterable], Iterable] = iter) -> Survey:
    """Look at every record once.

    Args:
        records: The records, sound or not.
        progress: Wraps what is gone through, e.g. in a bar.
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
        if keypoint is None:  # stored elsewhere: Kinetics-400
            continue
        if has_boxes(record):  # a box is a person in a frame
            shapes[index], has_score[index] = boxes_shape(record), True
            seen = seen_joints(keypoint[:, None, :, :2], keypoint[:, None, :, 2])
            seen = seen[seen.any((1, 2))]
            persons[index] = shapes[index, 0] if len(seen) else 0
        else:
            shapes[index], has_score[index] = keypoint.shape, score is not None
            seen = seen_joints(keypoint, score)
            seen = seen[seen.any((1, 2))]  # of the persons who are there
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
    """(V, C) of most records; (0, 0) if none has joints."""
    known = map(tuple, table.shapes[table.shapes[:, 2] > 0, 2:].tolist())
    return max(Counter(known).items(), key=lambda item: item[1], default=((0, 0), 0))[0]


def guess_layouts(table: Survey) -> tuple[int, list[str]]:
    """Coordinates of a joint (2 where the third is a score from 0 to 1), and the shipped skeletons that fit."""
    joints, dims = usual_layout(table)
    if dims == 3 and table.third[0] >= 0 and table.third[1] <= 1:
        dims = 2
    return dims, [name for name, s in SKELETONS.items() if (s.num_joints, s.dims) == (joints, dims)]


def histogram(values: np.ndarray, bars: int = 10) -> list[tuple[int, int, int]]:
    """(first, last, count) of at most ``bars`` ranges of equal width over whole numbers; the last may be shorter."""
    if len(values) == 0:
        return []
    low, high = int(values.min()), int(values.max())
    width = max(1, -(-(high - low + 1) // bars))
    counts = np.bincount((values - low) // width)
    starts = low + width * np.arange(len(counts))
    return [(int(s), min(int(s) + width - 1, high), int(count)) for s, count in zip(starts, counts, strict=True)]


def members_of(names: Sequence[str], splits: Splits | None) -> tuple[dict[str, np.ndarray], dict[str, list[str]]]:
    """Record numbers of each split, and the names in it that no record has."""
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
    """(training split, evaluation split) of one protocol: ``xsub_train`` with ``xsub_val``, not with ``xset_val``."""
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
    """Whether what follows 'train' and 'val' fits: equal, or one has more to say (``_dedup``); 1 does not fit 10."""
    short, long = sorted((a, b), key=len)
    return long.startswith(short) and (not short or not long[len(short) :][:1].isdigit())


def repeats_across(table: Survey, train: np.ndarray, other: np.ndarray) -> dict[int, int]:
    """Records of ``other`` with the content of another record in ``train`` -> the first such record."""
    first = {}
    for index in train.tolist():
        first.setdefault(int(table.content[index]), index)
    both = set(train.tolist())
    pairs = ((index, first.get(int(table.content[index]))) for index in other.tolist() if table.content[index] >= 0)
    return {index: twin for index, twin in pairs if twin is not None and index not in both}


def same_content(table: Survey, within: np.ndarray | None = None) -> list[list[int]]:
    """Groups of two or more records that hold the same clip."""
    groups = defaultdict(list)
    for index in range(len(table.names)) if within is None else within.tolist():
        if table.content[index] >= 0:
            groups[int(table.content[index])].append(index)
    return [group for group in groups.values() if len(group) > 1]
