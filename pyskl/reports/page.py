"""Report on runs as one self-contained HTML page, also for small screens."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pyskl.files import write_text
from pyskl.reports import charts
from pyskl.reports.comparison import Comparison, compare
from pyskl.reports.confusion import Pair, class_rows, confused_pairs, confusion_counts, predictions, similar_order
from pyskl.reports.reliability import calibration_error, losses, probabilities, reliability_bins
from pyskl.reports.scalars import Curve

TEMPLATE = Path(__file__).with_name('page.html')
WORST, PAIRS, FILMS = 12, 10, 10


@dataclass
class Run:
    """Content of the page for one run; sections without data are omitted.

    Args:
        name: Short, unique name.
        facts: Rows of the first table: network, data, seed, ...
        config: The resolved config.
        curves: Result of :func:`pyskl.reports.scalars.read_scalars`.
        scores: ``(N, K)``, scores of the test clips.
        labels: ``(N,)``, their labels.
        clips: Their names.
        films: ``{clip: gif}`` of the clips to show.
        grid: ``(svg, [(stage, [(row, column, text), ...]), ...])`` of a Ske2Grid.
    """

    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    config: str = ''
    curves: Mapping[str, Curve] = field(default_factory=dict)
    scores: np.ndarray | None = None
    labels: np.ndarray | None = None
    clips: Sequence[str] = ()
    films: dict[str, bytes] = field(default_factory=dict)
    grid: tuple[str, list] | None = None


def wanted_films(run: Run) -> list[str]:
    """List the clips to show as films: one for each of the most confused pairs."""
    if run.scores is None:
        return []
    pairs = confused_pairs(confusion_counts(run.scores, run.labels), FILMS)
    return [run.clips[index] for pair in pairs for index in _clips_of(run, pair)[:1]]


def _clips_of(run: Run, pair: Pair) -> list[int]:
    """Return the clips of a pair in order of descending confidence."""
    predicted = predictions(run.scores)
    found = np.flatnonzero((run.labels == pair.label) & (predicted == pair.predicted))
    return found[np.argsort(-run.scores[found, pair.predicted], kind='stable')].tolist()


def write_page(path: str | Path, runs: Sequence[Run], classes: Sequence[str], title: str) -> None:
    """Write the page.

    Args:
        path: An .html file.
        runs: The runs, at least one.
        classes: Names of the classes.
        title: Title of the page.

    Raises:
        ValueError: If jinja2 is not installed.
        OSError: If the file cannot be written.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ModuleNotFoundError as error:
        raise ValueError('reports need matplotlib and jinja2; run pip install matplotlib jinja2') from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE.read_text(encoding='utf-8'))
    logged = {run.name: run.curves for run in runs if run.curves}
    content = {
        'title': title,
        'runs': [_run(run, classes) for run in runs],
        'curves': charts.svg(charts.curves_chart(logged)) if logged else None,
        'comparisons': _comparisons(runs, classes),
        'matrices': _script_json({run.name: _matrix(run, classes) for run in runs if run.scores is not None}),
    }
    write_text(path, template.render(**content))


def _run(run: Run, classes: Sequence[str]) -> dict:
    found = {'name': run.name, 'facts': run.facts, 'config': run.config, 'grid': run.grid, 'test': None}
    if run.scores is None:
        return found
    counts = confusion_counts(run.scores, run.labels)
    bins = reliability_bins(run.scores, run.labels)
    rows = class_rows(counts)
    right = predictions(run.scores) == run.labels
    top5 = np.argsort(-run.scores, axis=1, kind='stable')[:, :5] == np.asarray(run.labels)[:, None]
    found['test'] = {
        'clips': len(run.labels),
        'top1': 100 * right.mean(),
        'top5': 100 * top5.any(1).mean(),
        'mean': 100 * np.mean([row.accuracy for row in rows]),
        'ece': 100 * calibration_error(bins),
        'reliability': charts.svg(charts.reliability_chart(bins)),
        'classes': [
            {
                'name': classes[row.label],
                'clips': row.clips,
                'accuracy': 100 * row.accuracy,
                'low': 100 * row.low,
                'high': 100 * row.high,
                'rival': '' if row.rival is None else classes[row.rival],
            }
            for row in rows
        ],
        'pairs': [_pair(run, pair, classes) for pair in confused_pairs(counts, PAIRS)],
        'worst': _worst(run, classes),
    }
    return found


def _pair(run: Run, pair: Pair, classes: Sequence[str]) -> dict:
    members = _clips_of(run, pair)
    shown = next((run.clips[index] for index in members if run.clips[index] in run.films), None)
    return {
        'true': classes[pair.label],
        'predicted': classes[pair.predicted],
        'count': pair.count,
        'share': 100 * pair.share,
        'clip': shown or run.clips[members[0]],
        'film': base64.b64encode(run.films[shown]).decode() if shown else None,
    }


def _worst(run: Run, classes: Sequence[str]) -> list[dict]:
    loss, predicted, shares = losses(run.scores, run.labels), predictions(run.scores), probabilities(run.scores)
    order = np.argsort(-loss, kind='stable')[:WORST].tolist()
    return [
        {
            'clip': run.clips[index],
            'true': classes[run.labels[index]],
            'predicted': classes[predicted[index]],
            'loss': float(loss[index]),
            'confidence': 100 * float(shares[index, predicted[index]]),
        }
        for index in order
    ]


def _matrix(run: Run, classes: Sequence[str]) -> dict:
    counts = confusion_counts(run.scores, run.labels)
    cells = [[int(i), int(j), int(counts[i, j])] for i, j in zip(*np.nonzero(counts), strict=True)]
    return {'classes': list(classes), 'cells': cells, 'similar': similar_order(counts)}


def _comparisons(runs: Sequence[Run], classes: Sequence[str]) -> list[dict]:
    """Compare the first run with each other run that was tested on the same clips."""
    found = []
    first = runs[0]
    for other in runs[1:]:
        if first.scores is None or other.scores is None:
            continue
        if list(first.clips) != list(other.clips):
            found.append({'a': first.name, 'b': other.name, 'result': None})
            continue
        result = compare(first.scores, other.scores, first.labels)
        found.append({'a': first.name, 'b': other.name, 'result': result, 'rows': _differences(result, classes)})
    return found


def _differences(result: Comparison, classes: Sequence[str], most: int = 12) -> list[dict]:
    return [
        {'name': classes[label], 'clips': clips, 'a': 100 * a / clips, 'b': 100 * b / clips}
        for label, clips, a, b in result.classes[:most]
    ]


def _script_json(value: object) -> str:
    """Encode as JSON that is safe inside a <script> element."""
    text = json.dumps(value, ensure_ascii=False, separators=(',', ':'))
    return text.replace('<', '\\u003c').replace('\u2028', '\\u2028').replace('\u2029', '\\u2029')
