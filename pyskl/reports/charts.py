"""Charts as matplotlib figures, SVG text or files; no display is needed."""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pyskl.files import replacing
from pyskl.reports.reliability import Bin
from pyskl.reports.scalars import Curve

try:
    from matplotlib.figure import Figure
except ModuleNotFoundError as _error:  # the extra [report]
    raise ValueError('reports need matplotlib and jinja2; run pip install matplotlib jinja2') from _error

LINES = ('#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#be185d', '#4d7c0f')
STYLE = {
    'svg.fonttype': 'none',  # store text as text, not as paths
    'svg.hashsalt': 'pyskl',  # make equal charts equal files
    'font.size': 9,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'grid.color': '#e5e7eb',
    'axes.edgecolor': '#9ca3af',
    'axes.axisbelow': True,
}
TITLES = {'loss': 'loss', 'top1_acc': 'top-1', 'top5_acc': 'top-5', 'mean_class_accuracy': 'mean class', 'lr': 'rate'}


def figure(width: float, height: float) -> Figure:
    """Create an empty figure; sizes in inches."""
    return Figure(figsize=(width, height), layout='constrained')


def svg(chart: Figure) -> str:
    """Convert a figure to an ``<svg>`` element of flexible width."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context(STYLE):
        chart.savefig(buffer, format='svg', metadata={'Date': None, 'Creator': None})
    text = buffer.getvalue()
    text = text[text.index('<svg') :]
    return re.sub(r' (width|height)="[^"]*pt"', '', text, count=2)


def save(chart: Figure, path: str | Path, dpi: int = 150) -> None:
    """Write a figure in the format of the file name's extension.

    Raises:
        ValueError: If the extension is not .png, .svg or .pdf.
        OSError: If the file cannot be written.
    """
    import matplotlib

    kind = Path(path).suffix[1:].lower()
    if kind not in ('png', 'svg', 'pdf'):
        raise ValueError(f'{path} must end with .png, .svg or .pdf')
    with matplotlib.rc_context(STYLE), replacing(path) as file:
        chart.savefig(file, format=kind, dpi=dpi)


def curves_chart(runs: Mapping[str, Mapping[str, Curve]]) -> Figure:
    """Plot loss, accuracies and learning rate over epochs, one colour per run; validation values are marked by dots.

    Raises:
        ValueError: If no run has logged any of them.
    """
    import matplotlib

    found = {tag.partition('/')[2] for scalars in runs.values() for tag in scalars}
    names = [name for name in TITLES if name in found]
    if not names:
        raise ValueError(f'the runs logged none of {", ".join(TITLES)}')
    with matplotlib.rc_context(STYLE):
        chart = figure(3.2 * len(names), 2.8)
        for place, name in enumerate(names, 1):
            axes = chart.add_subplot(1, len(names), place)
            for (run, scalars), color in zip(runs.items(), _colors(len(runs)), strict=True):
                for mode, marker, line in (('train', '', 1.0), ('val', 'o', 1.8)):
                    curve = scalars.get(f'{mode}/{name}')
                    if curve is not None:
                        label = f'{run} {mode}' if len(runs) > 1 else mode
                        shade = 0.45 if mode == 'train' and f'val/{name}' in scalars else 1.0
                        axes.plot(*curve, color=color, lw=line, marker=marker, ms=3, alpha=shade, label=label)
            axes.set_title(TITLES[name], fontsize=10)
            axes.set_xlabel('epoch')
        lines = {line.get_label(): line for axes in chart.axes for line in axes.get_lines()}
        chart.legend(lines.values(), lines.keys(), loc='outside lower center', ncols=4, frameon=False)
    return chart


def confusion_chart(counts: np.ndarray, classes: Sequence[str], title: str = '') -> Figure:
    """Plot a confusion matrix; rows are labels, normalised to 1, columns predictions."""
    import matplotlib

    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    few = len(counts) <= 20
    side = float(np.clip(0.36 * len(counts) + 2.2, 4.5, 26))
    with matplotlib.rc_context({**STYLE, 'axes.grid': False}):
        chart = figure(side + 0.8, side)
        axes = chart.add_subplot()
        shown = axes.imshow(shares, cmap='Blues', vmin=0, vmax=1)
        if len(counts) <= 130:
            size = 9 if few else float(np.clip(420 / len(counts), 3.5, 8))
            axes.set_xticks(range(len(counts)), classes, rotation=90, fontsize=size)
            axes.set_yticks(range(len(counts)), classes, fontsize=size)
        if few:
            for (label, predicted), share in np.ndenumerate(shares):
                if counts[label, predicted]:
                    color = 'white' if share > 0.5 else '#374151'
                    axes.text(predicted, label, f'{100 * share:.0f}', ha='center', va='center', color=color, fontsize=8)
        axes.set_xlabel('predicted')
        axes.set_ylabel('true')
        axes.set_title(title)
        chart.colorbar(shown, ax=axes, shrink=0.7)
    return chart


def reliability_chart(bins: Sequence[Bin]) -> Figure:
    """Plot accuracy over confidence; a perfectly calibrated network lies on the diagonal."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        chart = figure(3.4, 3.2)
        axes = chart.add_subplot()
        width = bins[0].high - bins[0].low
        lows = [one.low for one in bins]
        axes.bar(lows, [one.accuracy for one in bins], width, align='edge', color=LINES[0], alpha=0.75, ec='white')
        axes.plot([0, 1], [0, 1], color='#6b7280', lw=1, ls='--')
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel='confidence', ylabel='accuracy')
    return chart


def _colors(count: int) -> list[str]:
    return [LINES[index % len(LINES)] for index in range(count)]
