"""Last step of the tools for custom data: write the file, a summary, notes and the class names."""

import argparse
from collections.abc import Sequence

from pyskl.converters.job import Outcome, write_out
from pyskl.converters.labels import Row, write_classes
from pyskl.converters.splits import notes_on
from pyskl.datasets.records.annotations import Splits


def finish(
    args: argparse.Namespace,
    outcome: Outcome,
    rows: Sequence[Row],
    splits: Splits | None,
    layout: str | None,
    classes: Sequence[str] | None,
    notes: Sequence[str] = (),
) -> None:
    """Write ``--out`` and ``X.classes.txt``, and print a summary.

    Args:
        args: Parsed options of ``add_job_options``.
        outcome: Result of ``convert``.
        rows: Rows of all clips.
        splits: Names of all clips by split.
        layout: The skeleton's name.
        classes: Class names by index, if labels are names.
        notes: Lines for the user.
    """
    write_out(args, outcome, splits, layout)
    lines = [line for line in (*notes, notes_on(splits, rows)) if line]
    if lines:
        print('\n'.join(lines))
    write_classes(args, classes)
