"""Evaluate the tables of :mod:`~pyskl.datasets.records.survey` for a training run, and fix records."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pyskl.datasets.records.annotations import Splits, record_problem
from pyskl.datasets.records.checks import FAILS, MISLEADS, NOTE
from pyskl.datasets.records.clip_table import NO_LABEL, SEVERAL_LABELS
from pyskl.datasets.records.survey import (
    BAD_LABEL,
    BAD_TOTAL,
    Survey,
    members_of,
    name_key,
    protocol_pairs,
    repeats_across,
    same_content,
    usual_layout,
)

Pair = tuple[str, np.ndarray, str, np.ndarray]  # training split and its records, evaluation split and its records


@dataclass(frozen=True)
class Finding:
    """One kind of finding.

    Args:
        severity: ``fails``, ``misleads`` or ``note``.
        what: Description in one line.
        names: Affected clips, each with details.
    """

    severity: str
    what: str
    names: list[str] = field(default_factory=list)


def status(findings: Iterable[Finding]) -> int:
    """Exit status: 1 if training would fail, else 2 if its results would be misleading, else 0."""
    severities = {finding.severity for finding in findings}
    return 1 if FAILS in severities else 2 if MISLEADS in severities else 0


def all_findings(
    table: Survey, splits: Splits | None, pairs: Sequence[Pair] | None = None, used: np.ndarray | None = None
) -> list[Finding]:
    """Collect all findings that do not depend on a network.

    Args:
        table: Survey of the records.
        splits: Splits of the file.
        pairs: Pairs of training and evaluation splits; None infers them from the names of the splits.
        used: Indices of records used in training or evaluation; problems of others are notes. None: all.
    """
    inside, unknown = members_of(table.names, splits)
    if pairs is None:
        pairs = [(a, inside[a], b, inside[b]) for a, b in protocol_pairs(inside)]
    if used is None:
        used = np.arange(len(table.names))
    needed = set(used.tolist())
    found = [*_record_findings(table, needed), *_label_findings(table, needed)]
    for split, lost in unknown.items():
        severity = NOTE if len(inside[split]) or not len(table.names) else FAILS
        found.append(Finding(severity, f'split {split!r} names clips that have no record', lost))
    for split, members in inside.items():
        if len(members) == 0:
            found.append(Finding(NOTE, f'split {split!r} has no clips'))
        alike = [' = '.join(table.names[index] for index in group) for group in same_content(table, members)]
        if alike:
            found.append(Finding(NOTE, f'groups of equal clips within split {split!r}', alike))
    found += _twice(table, splits)
    for pair in pairs:
        found += _pair_findings(table, *pair)
    return found + _repeat_findings(table, needed)


def _record_findings(table: Survey, needed: set[int]) -> list[Finding]:
    by_kind = defaultdict(list)
    for index, problems in table.problems.items():
        for kind, detail in problems.items():
            by_kind[kind].append((index, detail))
    usual = usual_layout(table)
    others = np.flatnonzero((table.shapes[:, 2] > 0) & (table.shapes[:, 2:] != usual).any(1)).tolist()
    kind = 'does not have the number of joints and coordinates of most records, {} x {}'.format(*usual)
    by_kind[kind] += [(index, '{} x {}'.format(*table.shapes[index, 2:])) for index in others]
    found = [
        Finding(_severity((index for index, _ in places), needed), kind, [f'{table.names[i]} ({d})' for i, d in places])
        for kind, places in by_kind.items()
        if places
    ]
    empty = np.flatnonzero((table.shapes[:, 2] > 0) & (table.persons == 0)).tolist()
    if empty:
        found.append(Finding(NOTE, 'shows no person: no joint was detected', [table.names[index] for index in empty]))
    return found


def _severity(indices: Iterable[int], needed: set[int]) -> str:
    return FAILS if any(index in needed for index in indices) else NOTE


def _label_findings(table: Survey, needed: set[int]) -> list[Finding]:
    broken = {i for i, problems in table.problems.items() if BAD_LABEL in problems}
    without = [i for i in np.flatnonzero(table.labels == NO_LABEL).tolist() if i not in broken]
    found = []
    if without:
        severity = _severity(without, needed)
        found.append(Finding(severity, 'has no label (-1 means none)', [table.names[i] for i in without]))
    known = np.unique(table.labels[table.labels >= 0])
    if len(known) and known[0] == 1 and NO_LABEL not in table.labels and _is_dense(known):
        found.append(
            Finding(NOTE, f'labels count from 1 to {known[-1]}; --fix OUT --first-label 1 renumbers them from 0')
        )
    gaps = [str(label) for label in sorted(set(range(known[-1])) - set(known))[:1000]] if _is_dense(known) else []
    if gaps:
        found.append(Finding(NOTE, f'classes between 0 and {known[-1]} that no clip has', gaps))
    elif len(known) and not _is_dense(known):
        found.append(Finding(NOTE, f'{len(known)} classes are numbered up to {known[-1]}; number them from 0'))
    return found


def _is_dense(known: np.ndarray) -> bool:
    """Whether few enough class numbers are unused to list them."""
    return len(known) > 0 and known[-1] < 1000 + 2 * len(known)


def _twice(table: Survey, splits: Splits | None) -> list[Finding]:
    found = []
    several = [f'{name} ({count} times)' for name, count in Counter(table.names).items() if count > 1]
    if several:
        found.append(Finding(NOTE, 'several records have the same name; a split selects all of them', several))
    for split, members in (splits or {}).items():
        several = [f'{name} ({count} times)' for name, count in Counter(map(str, members)).items() if count > 1]
        if several:
            found.append(Finding(NOTE, f'split {split!r} names clips more than once; they count once', several))
    return found


def _pair_findings(table: Survey, train: str, train_members: np.ndarray, other: str, others: np.ndarray) -> list:
    found = []
    both = np.intersect1d(train_members, others).tolist()
    if both:
        found.append(Finding(MISLEADS, f'clips are in {train} and in {other}', [table.names[index] for index in both]))
    copies = repeats_across(table, train_members, others)
    if copies:
        what = f'clips of {other} ({len(others)}) are copies of clips of {train}; remove them from {other}'
        found.append(Finding(MISLEADS, what, [f'{table.names[i]} = {table.names[j]}' for i, j in copies.items()]))
    trained = set(table.labels[train_members].tolist())
    untrained = sorted(set(table.labels[others][table.labels[others] >= 0].tolist()) - trained)
    if untrained:
        found.append(Finding(NOTE, f'classes of {other} that no clip of {train} has', list(map(str, untrained))))
    return found


def _repeat_findings(table: Survey, needed: set[int]) -> list[Finding]:
    alike, contrary = [], []
    contrary_used = False
    for group in same_content(table):
        names = ' = '.join(table.names[index] for index in group)
        labels = {int(table.labels[index]) for index in group if table.labels[index] >= 0}
        alike.append(names)
        if len(labels) > 1:
            contrary.append(' = '.join(f'{table.names[index]} (label {table.labels[index]})' for index in group))
            contrary_used |= sum(index in needed for index in group) > 1
    found = []
    if contrary:
        found.append(Finding(MISLEADS if contrary_used else NOTE, 'equal clips with different labels', contrary))
    if alike:
        found.append(Finding(NOTE, 'groups of equal clips, in any split', alike))
    return found


def unused_classes(table: Survey, used: np.ndarray, num_classes: int | None) -> list[Finding]:
    """Report classes of the head that no clip has.

    Args:
        table: Survey of the records.
        used: Rows of the records in use.
        num_classes: Number of classes of the head; None if unknown.
    """
    labels = table.labels[used]
    unused = sorted(set(range(num_classes or 0)) - set(labels.tolist()))
    if not unused or (labels == SEVERAL_LABELS).any():
        return []
    return [Finding(NOTE, f'classes of num_classes={num_classes} that no clip has', list(map(str, unused)))]


def fixed_records(
    records: Sequence[object],
    splits: Splits | None,
    table: Survey,
    drop_duplicates: bool = False,
    first_label: int = 0,
) -> tuple[list[dict], Splits | None, dict[str, list[str]]]:
    """Return fixed records and splits; the given ones are not modified.

    ``total_frames`` is set to keypoint's T, and labels that start at ``first_label`` are renumbered from 0. Records
    that are still invalid, show no person, or differ from most in their joints are dropped, as are names without a
    record from the splits. With ``drop_duplicates``, clips that the training split of a protocol contains too, by
    content, are removed from its evaluation splits.

    Returns:
        The records, the splits, and the changes: {change: names}.
    """
    done, fixed = defaultdict(list), {}
    usual, key = usual_layout(table), name_key(records)
    for index, record in enumerate(records):
        why = None
        if index in table.problems and isinstance(record, dict) and _is_array(record.get('keypoint')):
            record = {**record, 'total_frames': record['keypoint'].shape[1]}
            why = record_problem(record)
        why = why or _why_dropped(table, index, usual)
        if why:
            done['dropped: invalid for training, or shows no person'].append(f'{table.names[index]} ({why})')
            continue
        if index in table.problems:
            done["total_frames set to keypoint's T"].append(table.names[index])
        if isinstance(record.get('label'), list | tuple | np.ndarray) and table.labels[index] != SEVERAL_LABELS:
            record = {**record, 'label': int(table.labels[index])}
            done['label with one element converted to a number'].append(table.names[index])
        if first_label and table.labels[index] >= 0:
            record = {**record, 'label': int(table.labels[index]) - first_label}
            done[f'labels shifted by {-first_label}'].append(table.names[index])
        if splits is not None and not isinstance(record.get(key), str):  # the new splits name records by text
            record = {**record, key: table.names[index]}
        fixed[index] = record
    if splits is None:
        return list(fixed.values()), None, dict(done)
    first = next(iter(fixed), None)
    if key == 'frame_dir' and 'filename' in fixed.get(first, ()):  # readers of the file would use filename as key
        fixed[first] = {field: value for field, value in fixed[first].items() if field != 'filename'}
        done['filename removed from the first record, so that splits refer to frame_dir'].append(table.names[first])
    known = {table.names[index] for index in fixed}
    if drop_duplicates:
        inside, _ = members_of(table.names, splits)
        repeated = defaultdict(set)
        for train, other in protocol_pairs(inside):
            copies = {
                *repeats_across(table, inside[train], inside[other]),
                *np.intersect1d(inside[train], inside[other]),
            }
            repeated[other] |= {table.names[index] for index in copies}
    new = {}
    for split, members in splits.items():
        names = list(dict.fromkeys(map(str, members)))
        new[split] = [name for name in names if name in known]
        lost = [name for name in names if name not in known]
        if lost:
            done[f'removed from split {split!r}: no record'] += lost
        if drop_duplicates and repeated[split]:
            done[f'removed from split {split!r}: copies of training clips'] += [
                n for n in names if n in repeated[split]
            ]
            new[split] = [name for name in new[split] if name not in repeated[split]]
    return list(fixed.values()), new, dict(done)


def _is_array(keypoint: object) -> bool:
    return isinstance(keypoint, np.ndarray) and keypoint.ndim == 4


def _why_dropped(table: Survey, index: int, usual: tuple[int, int]) -> str | None:
    """Problems that remain after ``total_frames`` is fixed."""
    left = set(table.problems.get(index, ())) - {BAD_TOTAL}
    if left:
        return '; '.join(sorted(left))
    if table.shapes[index, 2] == 0:
        return None  # joints are stored in another file
    if tuple(table.shapes[index, 2:].tolist()) != usual:
        return 'has different joints from most records'
    return 'shows no person' if table.persons[index] == 0 else None
