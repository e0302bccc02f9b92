"""Index of models: one file per family in ``zoo/index/``, in the format of OpenMMLab's ``metafile.yml``.

An entry has the config, its cost, published and measured accuracy, and the address of published weights.
"""

import difflib
import fnmatch
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from pyskl.zoo.names import short_name

FOLDER = Path(__file__).with_name('index')
_Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


@dataclass(frozen=True, repr=False)
class ModelEntry:
    """One model of the index.

    Args:
        name: E.g. ``stgcn++_ntu60_xsub_hrnet/j``; files of other toolboxes have a prefix: ``mmaction2/...``.
        family: Folder of the config.
        config: Path of the config, beginning with ``configs/``.
        dataset: Training data of the config, e.g. ``NTU60-XSub-2D``.
        parameters: Number of parameters of the network.
        macs: Multiply-accumulates of the backbone for one clip.
        metric: Metric of ``published`` and ``measured``, in %: ``Top 1 Accuracy`` or ``Mean Class Accuracy``.
        published: Result published by the authors or their toolbox.
        measured: Result measured by this project.
        measured_with: How that training differed from the config, e.g. ``4 of 16 epochs``; None for the config itself.
        weights: Address of the published file.
        sha256: Hash of that file, or the beginning of it.
        licence: Licence of that file.
        source: Publisher of the file and the result.
    """

    name: str
    family: str
    config: str
    dataset: str = ''
    parameters: int | None = None
    macs: int | None = None
    metric: str = 'Top 1 Accuracy'
    published: float | None = None
    measured: float | None = None
    measured_with: str | None = None
    weights: str | None = None
    sha256: str | None = None
    licence: str | None = None
    source: str | None = None

    def __repr__(self) -> str:
        facts = [self.dataset]
        if self.parameters:
            facts.append(f'{self.parameters / 1e6:.3f} M parameters')
        if self.macs:
            facts.append(f'{self.macs / 1e9:.2f} GMACs')
        facts += [f'{kind} {value}' for kind in ('published', 'measured') if (value := getattr(self, kind)) is not None]
        if self.weights:
            facts.append('weights')
        return f'<{self.name}: {", ".join(filter(None, facts))}>'


@lru_cache
def entries() -> dict[str, ModelEntry]:
    """Return all models by name, in the order of the files.

    Raises:
        ValueError: If two entries share a name.
    """
    found: dict[str, ModelEntry] = {}
    for path in sorted(FOLDER.glob('*.yml')):
        for raw in yaml.load(path.read_text(encoding='utf-8'), _Loader)['Models']:
            entry = _entry(raw)
            if entry.name in found:
                raise ValueError(f'{path.name}: {entry.name} is listed twice')
            found[entry.name] = entry
    return found


def _entry(raw: dict) -> ModelEntry:
    meta, results = raw.get('Metadata') or {}, (raw.get('Results') or [{}])[0]
    metrics = results.get('Metrics') or {}
    metric = next(iter(metrics), 'Top 1 Accuracy')
    return ModelEntry(
        name=raw['Name'],
        family=raw['Config'].split('/')[1],
        config=raw['Config'],
        dataset=meta.get('Training Data', ''),
        parameters=meta.get('Parameters'),
        macs=meta.get('FLOPs'),
        metric=metric,
        published=metrics.get(metric),
        measured=results.get('Measured'),
        measured_with=results.get('Measured With'),
        weights=raw.get('Weights'),
        sha256=raw.get('SHA256'),
        licence=raw.get('License'),
        source=raw.get('Source'),
    )


def select(pattern: str = '*') -> list[ModelEntry]:
    """Return the models whose name, or family and name, match a shell pattern, ignoring case.

    A pattern without ``*``, ``?`` or ``[`` matches names that contain it.
    """
    pattern = pattern.lower()
    if not any(sign in pattern for sign in '*?['):
        pattern = f'*{pattern}*'

    def matches(entry: ModelEntry) -> bool:
        names = (entry.name.lower(), f'{entry.family}/{entry.name}'.lower())
        return any(fnmatch.fnmatchcase(name, pattern) for name in names)

    return [entry for entry in entries().values() if matches(entry)]


def find(name: str) -> ModelEntry:
    """Return the model ``name``; ``configs/``, the family, ``_pyskl`` and ``.py`` are optional.

    Raises:
        ValueError: If there is none; the message lists similar names.
    """
    wanted = name.removeprefix('configs/').removesuffix('.py')
    known = entries()
    for candidate in (wanted, wanted.partition('/')[2]):
        if candidate in known:
            return known[candidate]
    short = {short_name(key): key for key in reversed(known)}
    if short_name(wanted) in short:
        return known[short[short_name(wanted)]]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    hint = f'did you mean {" or ".join(map(repr, near))}?' if near else '`pyskl models` lists them'
    raise ValueError(f'no model is named {name!r}; {hint}')
