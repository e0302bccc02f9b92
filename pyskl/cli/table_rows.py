"""Rows of ``pyskl table``: size and accuracy of finished runs, and of the weighted sums of their scores."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HEADER = ('config', 'parameters', 'GMACs')


@dataclass(frozen=True)
class Row:
    """One row.

    Args:
        name: The config, or the fused configs.
        parameters: Number of parameters.
        macs: Multiply-accumulates of one clip.
        seconds: Mean duration of a run, training and test.
        left_out: The clips that the second accuracy excludes.
        accuracies: For each seed with a finished run, number of clips and top-1 in %; see :func:`accuracies`.
    """

    name: str
    parameters: int
    macs: int
    seconds: float
    left_out: list[str]
    accuracies: dict[int, list[tuple[int, float]]]


def read_names(path: Path) -> list[str]:
    """Read the clips of ``--leave-out``, one per line; blank lines and comments (``#``) are skipped.

    Raises:
        ValueError: If there are none.
    """
    lines = [line.split('#')[0].strip() for line in path.read_text().splitlines()]
    names = [line for line in lines if line]
    if not names:
        raise ValueError(f'--leave-out {path} is empty; it must have one frame_dir per line')
    return names


def outside_split(ann_file: str, tested: str | None, part: str) -> list[str]:
    """Return the clips of split ``tested`` (None: all) that are not in split ``part`` of the same annotation file.

    Raises:
        ValueError: If the file has no such split, or ``part`` has clips that are not tested.
    """
    from pyskl.datasets.pose_dataset import PoseDataset

    names, chosen = (PoseDataset(ann_file, split=split).names for split in (tested, part))
    extra = set(chosen) - set(names)
    if extra:
        raise ValueError(f'--part {part} has clip {min(extra)!r}, which is not in the test split {tested!r}')
    return [name for name in names if name not in set(chosen)]


def accuracies(paths: Sequence[Path], weights: Sequence[float], leave_out: Sequence[str]) -> list[tuple[int, float]]:
    """Return number of clips and top-1 in % of the weighted sum of the scores of one or more files.

    Args:
        paths: Score files of ``pyskl test --dump``; clips are matched by name.
        weights: One weight per file.
        leave_out: If not empty, a second pair is returned for the clips without these.

    Raises:
        ValueError: If a name of ``leave_out`` is not a clip of the first file, or the files have other clips.
    """
    from pyskl.evaluation import fusion
    from pyskl.evaluation.score_files import read_predictions

    files = fusion.align([read_predictions(path) for path in paths])
    first = files[0]
    right = fusion.fuse(fusion.comparable(files), weights).argmax(1) == first.labels
    found = [(len(right), 100 * float(right.mean()))]
    if leave_out:
        left = set(leave_out)
        if first.names is None or not left <= set(first.names):
            unknown = min(left - set(first.names or ()))
            raise ValueError(
                f'--leave-out has clip {unknown!r}, which is not among the {len(right)} clips of {paths[0]}'
            )
        rest = [name not in left for name in first.names]
        found.append((sum(rest), 100 * float(right[rest].mean())))
    return found


def fused_name(names: Sequence[str], weights: Sequence[float]) -> str:
    """Return ``a + b``, or ``a + b, 2 : 1`` if the weights differ."""
    ratio = '' if len(set(weights)) == 1 else ', ' + ' : '.join(f'{weight:g}' for weight in weights)
    return ' + '.join(names) + ratio


def spread(values: Sequence[float]) -> str:
    """Format the mean and, for two or more values, the sample standard deviation, in % with one decimal."""
    if len(values) == 1:
        return f'{values[0]:.1f}'
    return f'{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}'


def markdown(rows: Sequence[Row]) -> str:
    """Format the rows as a Markdown table."""
    clips = [count for count, _ in next(iter(rows[0].accuracies.values()))]
    header = [*HEADER, *(f'top-1, {count} clips' for count in clips), 'seeds', 'minutes per run']
    lines = [header, ['---'] * len(header)]
    for row in rows:
        columns = zip(*row.accuracies.values(), strict=True)
        lines.append(
            [
                row.name,
                f'{row.parameters / 1e6:.3f} M',
                f'{row.macs / 1e9:.3f}',
                *(spread([top1 for _, top1 in column]) for column in columns),
                ', '.join(map(str, row.accuracies)),
                f'{row.seconds / 60:.0f}',
            ]
        )
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
