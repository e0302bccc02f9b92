"""What a set of annotations holds, for people."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from pyskl.datasets.records.annotations import Splits


def summary(records: Sequence[dict], splits: Splits | None, layout: str | None = None) -> str:
    """Clips, classes, joints, frames, persons, splits: a line each.

    Args:
        records: The annotations, with ``keypoint``.
        splits: Names by split.
        layout: The skeleton's name.
    """
    if not records:
        return 'no clips'
    labels = Counter(record['label'] for record in records if record.get('label') is not None)
    shapes = [record['keypoint'].shape for record in records]
    frames = [shape[1] for shape in shapes]
    persons = Counter(shape[0] for shape in shapes)
    joints = ', '.join(f'{number}' for number in sorted({shape[2] for shape in shapes}))
    dims = ', '.join(f'{number}D' for number in sorted({shape[3] for shape in shapes}))
    lines = [
        f'{len(records)} clips, {len(labels)} classes, {joints} joints{f" ({layout})" if layout else ""}, {dims}',
        f'frames: {min(frames)} min, {np.median(frames):g} median, {max(frames)} max, {sum(frames)} in all',
        f'persons a clip: {", ".join(f"{number} in {count}" for number, count in sorted(persons.items()))}',
    ]
    if labels:
        lines.append(f'clips a class: {min(labels.values())} to {max(labels.values())}')
        lines += _absent(labels)
    lines += [f'split {split}: {len(members)}' for split, members in (splits or {}).items()]
    return '\n'.join(lines)


def _absent(labels: Iterable[int]) -> list[str]:
    """The line on classes without a clip, if there are any below the highest label."""
    absent = sorted(set(range(max(labels) + 1)) - set(labels))
    if not absent:
        return []
    told = ', '.join(map(str, absent[:10])) + (', ...' if len(absent) > 10 else '')
    return [f'no clip of {len(absent)} classes: {told}']
