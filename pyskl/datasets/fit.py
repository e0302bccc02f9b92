"""Checks that clips fit a config, shared by check.py, the start of training and inference."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from pyskl.datasets.pipelines.base import BaseTransform
from pyskl.datasets.records.checks import (
    FAILS,
    FRAMES,
    JOINTS,
    Check,
    joint_checks,
    label_checks,
    nobody_check,
)
from pyskl.datasets.records.clip_table import ClipTable

NAMED = 1000  # listed rows per misfit
SAID = 5  # clips named in an error


@dataclass
class Misfit:
    """A kind of fault that was found.

    Args:
        check: The kind.
        severity: ``fails``, ``misleads`` or ``note``.
        count: Number of affected clips.
        rows: The first affected rows, with the fault found in each.
    """

    check: Check
    severity: str
    count: int
    rows: list[tuple[int, str]] = field(default_factory=list)

    def line(self, name: Callable[[int], str]) -> str:
        """Format one line with the first clips and the total number.

        Args:
            name: Maps a row to the clip's name.
        """
        row, detail = self.rows[0]
        named = [repr(name(row)) for row, _ in self.rows[1:SAID]]
        dots = ', ...' if self.count > SAID else ''
        others = f' (and {self.count - 1} more: {", ".join(named)}{dots})' if self.count > 1 else ''
        return f'record {name(row)!r} {self.check.what} ({detail}){others}'


def pipeline_checks(transforms: Sequence[object]) -> list[Check]:
    """Checks that a pipeline's transforms require of a record; nothing after an unknown transform is checked.

    Args:
        transforms: The whole pipeline, including steps precomputed in a store.
    """
    found, raw = {}, {JOINTS, FRAMES}
    for transform in transforms:
        known = isinstance(transform, BaseTransform)
        for check in transform.checks() if known else ():
            if check.needs is None or check.needs in raw:
                found.setdefault(check.what, check)
        raw -= set(transform.changes if known else (JOINTS, FRAMES))
    return list(found.values())


def checks_for(
    transforms: Sequence[object],
    num_joints: int | None = None,
    dims: int | None = None,
    num_classes: int | None = None,
    need_labels: bool = False,
    layout: str | None = None,
) -> list[Check]:
    """Return all checks of a config.

    Args:
        transforms: Transforms of the pipeline.
        num_joints: Joints of the network's skeleton; None without a skeleton.
        dims: Coordinates per joint.
        num_classes: Number of classes of the head; None if unknown.
        need_labels: Whether clips must have a label.
        layout: Name of the network's skeleton.
    """
    checks = []
    if num_joints is not None or dims is not None:
        of_joints = joint_checks(num_joints or 0, dims, layout)
        checks += of_joints if num_joints is not None else of_joints[1:]
    if num_classes is not None:
        checks += label_checks(num_classes, need_labels)
    known = {check.what for check in checks}
    return [
        *checks,
        *(check for check in pipeline_checks(transforms) if check.what not in known),
        nobody_check(),
    ]


def judge(tables: Iterable[tuple[int, ClipTable]], checks: Sequence[Check], most: int = NAMED) -> list[Misfit]:
    """Find the misfits among clips.

    Args:
        tables: Chunks of clips, each with the index of its first row.
        checks: The kinds of fault to look for.
        most: Maximum number of listed rows per kind.

    Returns:
        The misfits, those that fail training first, otherwise in the order of ``checks``.
    """
    counts, rows, total = [0] * len(checks), [[] for _ in checks], 0
    for start, table in tables:
        total += len(table)
        for number, check in enumerate(checks):
            with np.errstate(invalid='ignore'):
                bad = np.flatnonzero(check.bad(table))
            counts[number] += len(bad)
            for row in bad[: most - len(rows[number])].tolist():
                rows[number].append((start + row, check.detail(table, row)))
    found = []
    for check, count, listed in zip(checks, counts, rows, strict=True):
        severity = FAILS if count and count >= check.share * total else check.otherwise
        if count and severity is not None:
            found.append(Misfit(check, severity, count, listed))
    return sorted(found, key=lambda misfit: misfit.severity != FAILS)


def failures(misfits: Iterable[Misfit]) -> Iterator[Misfit]:
    """Select the misfits that fail training."""
    return (misfit for misfit in misfits if misfit.severity == FAILS)
