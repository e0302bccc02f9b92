"""The index of models: one file per family in ``zoo/index/``, in the layout of OpenMMLab's ``metafile.yml``.

An entry names the config, what it costs, what was published and measured, and where published weights lie.
"""

import difflib
import fnmatch
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

FOLDER = Path(__file__).with_name('index')
_Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


@dataclass(frozen=True, repr=False)
class ModelEntry:
    """One model of the index.

    Args:
        name: E.g. ``stgcn++_ntu60_xsub_hrnet/j``; other toolboxes' files begin with theirs: ``mmaction2/...``.
        family: The folder of its config.
        config: Path of the config, from ``configs/``.
        dataset: What the config trains on, e.g. ``NTU60-XSub-2D``.
        parameters: Of the whole network.
        macs: Multiply-accumulates of the backbone for one clip.
        metric: What ``published`` and ``measured`` are: ``Top 1 Accuracy`` or ``Mean Class Accuracy``, in %.
        published: As its authors or their toolbox print it.
        measured: As measured by this project.
        weights: Address of the published file.
        sha256: Of that file, whole or its start.
        licence: Of that file.
        source: Who published the file and the figure.
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
    """Every model by name, in the order of the files.

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
        weights=raw.get('Weights'),
        sha256=raw.get('SHA256'),
        licence=raw.get('License'),
        source=raw.get('Source'),
    )


def select(pattern: str = '*') -> list[ModelEntry]:
    """The models whose name, or family and name, match a shell pattern; case does not matter.

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
    """The model called ``name``; ``configs/``, the family, ``_pyskl`` and ``.py`` may be there or not.

    Raises:
        ValueError: If there is none; names the nearest.
    """
    wanted = name.removeprefix('configs/').removesuffix('.py')
    known = entries()
    for candidate in (wanted, wanted.partition('/')[2]):
        if candidate in known:
            return known[candidate]
    short = {_short(key): key for key in reversed(known)}
    if _short(wanted) in short:
        return known[short[_short(wanted)]]
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)
    hint = f'did you mean {" or ".join(map(repr, near))}?' if near else '`pyskl models` lists them'
    raise ValueError(f'no model is named {name!r}; {hint}')


def _short(name: str) -> str:
    return name.replace('_pyskl', '').replace('_stgcn2cn', '').lower()
