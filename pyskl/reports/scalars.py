"""Logged values of a training run by epoch."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

IGNORED = {'mode', 'step', 'epoch', 'iter', 'memory', 'eta', 'time', 'data_time', 'seconds'}


class Curve(NamedTuple):
    """One logged quantity: ``(n,)`` epochs, fractional within an epoch, and ``(n,)`` values."""

    epochs: np.ndarray
    values: np.ndarray


def read_scalars(work_dir: str | Path) -> dict[str, Curve]:
    """Read ``{'train/loss': curve, 'val/top1_acc': curve, 'train/lr': curve, ...}`` of a run.

    The values are read from ``metrics.jsonl``, or else from all ``*.log.json`` of the folder. Epochs that a resumed run
    repeats replace earlier ones.

    Raises:
        FileNotFoundError: If the folder has neither.
    """
    folder = Path(work_dir)
    files = [path for path in [folder / 'metrics.jsonl'] if path.is_file()] or sorted(folder.glob('*.log.json'))
    rows = [row for path in files for row in _rows(path)]
    if not rows:
        raise FileNotFoundError(f'{folder} has no training log (metrics.jsonl or *.log.json)')
    epoch_of = _epoch_of(rows)
    points: dict[str, dict[float, float]] = {}
    for row in rows:
        mode = row.get('mode', 'train')
        epoch = epoch_of(row)
        for key, value in row.items():
            if key in IGNORED or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            points.setdefault(f'{mode}/{key}', {})[epoch] = value
    return {
        tag: Curve(np.array(sorted(found)), np.array([found[epoch] for epoch in sorted(found)], float))
        for tag, found in points.items()
    }


def _rows(path: Path) -> list[dict]:
    """Return the complete lines: a killed run may have written a part of one."""
    rows = []
    for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def _epoch_of(rows: list[dict]) -> Callable[[dict], float]:
    """Return a function that computes the epoch of a row: an integer for validation, fractional for training.

    ``iter`` counts from the start of the run (this package) or of the epoch (PYSKL's ``.log.json``).
    """
    trained = [row for row in rows if row.get('iter') and row.get('epoch') and row.get('mode') != 'val']
    first = max((row['iter'] for row in trained if row['epoch'] == 1), default=0)
    later = min((row['iter'] for row in trained if row['epoch'] > 1), default=first + 1)
    within = later <= first
    length = max((row['iter'] / (1 if within else row['epoch']) for row in trained), default=1)

    def epoch(row: dict) -> float:
        if row.get('mode') == 'val' or not row.get('iter'):
            return float(row.get('epoch', row.get('step', 0)))
        return row['iter'] / length + (row['epoch'] - 1 if within else 0)

    return epoch
