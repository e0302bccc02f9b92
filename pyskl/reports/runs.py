"""Table of the runs below a folder: network, epochs, best and last result."""

import json
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

RECORD = 'run.json'


class Run(NamedTuple):
    """One run.

    Args:
        folder: The work_dir.
        network: The network's name; in records of earlier versions the type of the backbone, or the config's name.
        epochs: (finished, total); None if unknown.
        metric: Metric that selects the best checkpoint, or None.
        best: Best value of the metric, or None.
        best_epoch: Epoch of the best value, or None.
        last: Value in the last validation, or None.
        seconds: Training time so far, or None.
        started: Date and time of the last start, or ''.
    """

    folder: Path
    network: str
    epochs: tuple[int | None, int | None]
    metric: str | None
    best: float | None
    best_epoch: int | None
    last: float | None
    seconds: float | None
    started: str


def find_runs(folders: Iterable[str | Path]) -> tuple[list[Run], list[str]]:
    """Find the runs in and below ``folders``, sorted by path, and return a message for each unreadable record.

    Raises:
        FileNotFoundError: If a folder does not exist.
    """
    runs, problems = [], []
    for folder in folders:
        if not os.path.isdir(folder):
            raise FileNotFoundError(f'folder {folder} does not exist')
        for path in sorted(Path(folder).rglob(RECORD)):
            try:
                content = json.loads(path.read_text(encoding='utf-8'))
            except (OSError, ValueError, RecursionError) as error:
                problems.append(f'{path} cannot be read: {type(error).__name__}')
                continue
            if isinstance(content, dict) and 'config' in content:
                runs.append(read_run(path.parent, content))
    return runs, problems


def read_run(folder: Path, content: dict) -> Run:
    """Parse the record of a run; values of an unexpected type count as unknown."""
    best, last, config = (_dict(content.get(key)) for key in ('best', 'last', 'config'))
    metric = best.get('metric') if isinstance(best.get('metric'), str) else None
    if metric is None:
        metric = next((key for key, value in last.items() if key != 'epoch' and _number(value) is not None), None)
    backbone = _dict(_dict(config.get('model')).get('backbone')).get('type')
    seconds = _number(content.get('seconds'))
    done, best_epoch = _number(content.get('epoch')), _number(best.get('epoch'))
    total = _number(content.get('epochs'))
    return Run(
        folder,
        str(content.get('network') or backbone or content.get('config_file') or '?'),
        (None if done is None else int(done), None if total is None else int(total)),
        metric,
        _number(best.get('value')),
        None if best_epoch is None else int(best_epoch),
        _number(last.get(metric)),
        seconds,
        str(content.get('started') or '')[:16].replace('T', ' '),
    )


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if number else None


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f'{minutes // 60}:{minutes % 60:02d}:{rest:02d}'


def table(runs: list[Run]) -> str:
    """Format the runs as aligned columns; of several runs, ``*`` marks the best one per metric."""
    best: dict[str, float] = {}
    for run in runs:
        if run.metric is not None and run.best is not None:
            best[run.metric] = max(best.get(run.metric, -math.inf), run.best)
    rows = [('run', 'network', 'epochs', 'metric', 'best', 'epoch', 'last', 'time', 'started')]
    for run in runs:
        star = '*' if len(runs) > 1 and run.best is not None and run.best == best.get(run.metric) else ''
        rows.append(
            (
                str(run.folder),
                run.network,
                '/'.join('-' if number is None else str(number) for number in run.epochs),
                run.metric or '-',
                '-' if run.best is None else f'{run.best:.4f}{star}',
                '-' if run.best_epoch is None else str(run.best_epoch),
                '-' if run.last is None else f'{run.last:.4f}',
                '-' if run.seconds is None else _clock(run.seconds),
                run.started or '-',
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    legend = ['* best result of its metric'] if any('*' in row[4] for row in rows) else []
    return '\n'.join([*('  '.join(line).rstrip() for line in lines), *legend])
