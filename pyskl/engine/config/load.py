"""Load a config file: merge bases, apply options, expand our extensions, and reject typos.

PYSKL's files run unchanged. This package adds:

- a data set without ``pipeline`` uses the top-level ``train_pipeline``, ``val_pipeline`` or ``test_pipeline``;
- ``modality`` is the default of ``feats`` in ``GenSkeFeat``;
- ``layout`` is the default skeleton of the graph and of the transforms;
- ``num_classes``, ``clip_len`` and ``num_person`` are the defaults of these arguments in all components
  (:mod:`pyskl.engine.config.sizes`);
- ``transform_defaults`` sets arguments of all transforms of one type
  (:mod:`pyskl.engine.config.transform_defaults`);
- with ``heatmap_on='device'`` the model draws the heatmaps (:mod:`pyskl.engine.config.device_heatmaps`);
- ``work_dir`` defaults to ``work_dirs/`` and the config's path below ``configs/``.
"""

import copy
import difflib
import inspect
import os
import sys
from pathlib import Path

from mmengine.config import Config, DictAction

from pyskl.engine.config.conflicts import check_conflicts
from pyskl.engine.config.deprecated import drop_deprecated
from pyskl.engine.config.device_heatmaps import write_out_heatmap_on
from pyskl.engine.config.keys import KNOWN_KEYS, NTU_BY_DEFAULT, PHASES, SECTION_KEYS, SKELETON_ARGUMENTS
from pyskl.engine.config.mmaction import to_pyskl_keys
from pyskl.engine.config.shipped import find_config, similar_names
from pyskl.engine.config.sizes import SIZES, write_out_sizes
from pyskl.engine.config.transform_defaults import write_out_transform_defaults
from pyskl.engine.config.values import check_values
from pyskl.registry import DATASETS, lookup
from pyskl.zoo.classes import class_names, shipped

MODALITIES = ('j', 'b', 'jm', 'bm')
DEFAULTS = ('modality', *SIZES)  # keys that are defaults of arguments of components


def load_config(path: str | Path, options: dict | None = None) -> Config:
    """Read the config file ``path`` and apply ``options`` (dotted keys, as in ``--cfg-options``).

    ``path`` may also be the name of a shipped config, e.g. ``stgcn++_ntu60_xsub_hrnet/j``.

    Raises:
        ValueError: If the file is not a readable config, a key is one typo away from a known one, or an option has no
            effect.
        FileNotFoundError: If there is no such file.
    """
    path = find_config(path)
    if path.is_dir():
        raise IsADirectoryError(f'{path} is a folder; name a config file in it{_similar_files(path / "j.py")}')
    if not path.is_file():
        near = similar_names(path) if not path.suffix else []
        hint = f'; similar names: {", ".join(near)}' if near else _similar_files(path)
        raise FileNotFoundError(f'the config file {path} does not exist{hint}')
    if path.suffix not in ('.py', '.json', '.yaml', '.yml'):
        raise ValueError(f'{path} is not a config; its name must end in .py, .json, .yaml or .yml')
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is a program and may raise any error
        line = getattr(error, 'lineno', None)
        where = f', line {line}' if line else ''
        raise ValueError(f'cannot read the config {path}{where}: {type(error).__name__}: {error}') from error
    own = set(cfg)
    as_read = copy.deepcopy(cfg) if set(DEFAULTS) & set(options or ()) else None
    try:
        cfg.merge_from_dict(options or {})
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise ValueError(f'cannot apply --cfg-options to {path}: {error}') from error
    check_keys({key: None for key in cfg if key not in own}, '--cfg-options')
    complete_config(cfg, str(path))
    if as_read is not None:
        _check_effect(cfg, as_read, options)
    if not cfg.get('work_dir'):
        cfg.work_dir = default_work_dir(path)
    return cfg


def _check_effect(cfg: Config, as_read: Config, options: dict) -> None:
    """Raise if an option among ``DEFAULTS`` has no effect, because all components set the argument themselves.

    This is so in the config that a run writes to its work_dir: there, all arguments are written out.
    """
    for key in DEFAULTS:
        if key not in options or as_read.get(key) == cfg.get(key):
            continue
        without = copy.deepcopy(as_read)
        without.merge_from_dict({name: value for name, value in options.items() if name != key})
        _complete(without, 'config')
        if {**cfg.to_dict(), key: None} == {**without.to_dict(), key: None}:
            argument = {'modality': 'feats', 'num_classes': 'model.cls_head.num_classes'}.get(key, key)
            raise ValueError(
                f'--cfg-options {key}={options[key]} has no effect: no component takes it, or all set {argument} '
                'themselves, as in the config in a work_dir; use the original config'
            )


def complete_config(cfg: Config, where: str = 'config') -> None:
    """Check keys and values of a config that was read or built elsewhere, and expand our extensions and MMAction2's
    keys, in place. Idempotent.

    Args:
        cfg: The config.
        where: Name of the config in error messages.

    Raises:
        ValueError: If a key is one typo away from a known one, two keys with the same meaning differ, a value is of
            the wrong type or out of range, or an extension is used wrongly; names the key.
    """
    _say(_complete(cfg, where))


def _complete(cfg: Config, where: str) -> list[str]:
    """Complete the config in place; return lines for the user."""
    lines = check_keys(cfg, where)
    check_conflicts(cfg)
    lines += to_pyskl_keys(cfg)
    write_out_pipelines(cfg)
    write_out_transform_defaults(cfg, pipelines_in(cfg))
    lines += drop_deprecated(pipelines_in(cfg))
    write_out_modality(cfg)
    write_out_layout(cfg)
    write_out_sizes(cfg, pipelines_in(cfg))
    write_out_heatmap_on(cfg, pipelines_in(cfg))
    check_values(cfg, where)
    return lines + check_classes(cfg)


def check_classes(cfg: Config) -> list[str]:
    """Compare ``classes`` with the number of classes of the head; drop the names if they do not match.

    The names usually come from the data set's base config, while the final config may fine-tune on other classes. A
    shipped list is then dropped silently, a user's list with a log line.

    Returns:
        Lines for the log.

    Raises:
        ValueError: If ``classes`` is neither a known list nor a file, or contains values other than text.
    """
    if cfg.get('classes') is None:
        return []
    number = ((cfg.get('model') or {}).get('cls_head') or {}).get('num_classes')
    names = class_names(cfg.classes)
    if number is None or len(names) == number:
        return []
    given, cfg.classes = cfg.classes, None
    if isinstance(given, str) and given in shipped():
        return []
    return [f'classes={given!r} has {len(names)} names, but the network has {number} classes; using numbers instead']


def as_config(config: str | Path | Config | dict) -> Config:
    """Convert a path, a ``Config`` (also mmengine's) or a dict to a complete config; the argument is not modified.

    Raises:
        ValueError: If it is none of these, or not a valid config.
        FileNotFoundError: If there is no such file.
    """
    if isinstance(config, str | Path):
        return load_config(config)
    if not isinstance(config, dict | Config):
        raise ValueError(f'config must be a path, a Config or a dict, got {type(config).__name__}')
    cfg = Config(copy.deepcopy(dict(config))) if isinstance(config, dict) else copy.deepcopy(config)
    complete_config(cfg, str(cfg.filename or 'config'))
    return cfg


def _say(lines: list[str]) -> None:
    """Print ``lines`` on stderr, on one process only."""
    if os.environ.get('RANK', os.environ.get('SLURM_PROCID', '0')) == '0':
        for line in lines:
            print(f'warning: {line}', file=sys.stderr, flush=True)


def parse_options(options: list[str]) -> dict:
    """Parse ``--cfg-options``, e.g. ``['data.videos_per_gpu=8', 'modality=b']``, to a dict of dotted keys and values.

    Lists are written as in mmengine: ``key=[a,b]``.

    Raises:
        ValueError: If an option is not KEY=VALUE.
    """
    parsed = {}
    for option in options:
        key, equals, value = option.partition('=')
        if not equals or not key:
            raise ValueError(f'--cfg-options must be KEY=VALUE pairs, got {option!r}')
        try:
            parsed[key] = DictAction._parse_iterable(value)
        except (AssertionError, ValueError) as error:
            raise ValueError(f'cannot parse --cfg-options {option!r}: {error}; write lists as KEY=[a,b]') from error
    return parsed


def default_work_dir(path: str | Path) -> str:
    """Return the default work_dir of a config: ``configs/Ske2Grid/d5/j.py`` -> ``work_dirs/ske2grid/d5/j``.

    For a file outside ``configs/`` it is the path relative to the current folder, so that two configs of equal name
    have different work_dirs.
    """
    path = Path(path).with_suffix('')
    parts = path.parts
    if 'configs' in parts:
        start = len(parts) - parts[::-1].index('configs')
        parts = parts[start:]
    else:
        whole, here = Path(os.path.abspath(path)), Path.cwd()
        parts = (whole.relative_to(here) if whole.is_relative_to(here) else whole).parts
        parts = [part for part in parts if part != whole.anchor]
    return '/'.join(('work_dirs', *(part.lower() for part in parts)))


def check_keys(cfg: dict, where: str) -> list[str]:
    """Check for misspelled keys; other unknown names are variables of the config.

    Returns:
        One line per variable whose name resembles a key that the config also has.

    Raises:
        ValueError: If an unknown key is one typo away from a known key; the message names both.
    """
    lines = []
    groups = [('', cfg, KNOWN_KEYS, 0.85)]
    for name, known in SECTION_KEYS.items():
        if cfg.get(name) is not None and not isinstance(cfg[name], dict):
            raise ValueError(f'{where}: {name} must be a dict with some of {sorted(known)}, got {cfg[name]!r}')
        groups.append((f'{name}.', cfg.get(name) or {}, known, 0.75))
    for prefix, keys, known, cutoff in groups:
        for key in keys:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=cutoff) if key not in known else []
            if near and not prefix and near[0] in keys:
                lines.append(f'the config has the key {near[0]!r} and also {key!r}, which is ignored')
            elif near:
                raise ValueError(f'{where}: unknown key {prefix + key!r}; did you mean {prefix + near[0]!r}?')
    for phase in PHASES:
        section = (cfg.get('data') or {}).get(phase)
        if section is not None and not isinstance(section, dict | list | tuple):
            raise ValueError(f'{where}: data.{phase} must be a dict with a type, got {section!r}')
    return lines


def datasets_in(section: dict | list) -> list[dict]:
    """Find the innermost data set dicts of a ``data`` section, inside wrappers such as ``RepeatDataset``."""
    if isinstance(section, list | tuple):
        return [found for item in section for found in datasets_in(item)]
    if not isinstance(section, dict) or not section:
        return []
    inner = [section[key] for key in ('dataset', 'datasets') if isinstance(section.get(key), dict | list | tuple)]
    if not inner or 'ann_file' in section:
        return [section, *(found for item in inner for found in datasets_in(item))]
    return [found for item in inner for found in datasets_in(item)]


def takes(dataset: dict, argument: str) -> bool:
    """Whether the class named by a data set's dict has a parameter ``argument``; True for unknown classes."""
    kind = dataset.get('type')
    if isinstance(kind, str):
        try:
            kind = lookup(kind, DATASETS)
        except ValueError:  # building it raises the error
            return True
    return not callable(kind) or argument in inspect.signature(kind).parameters


def pipelines_in(cfg: Config) -> list[tuple[str, dict, str]]:
    """List each pipeline: (name, dict that contains it, its key in that dict)."""
    found = [(f'{phase}_pipeline', cfg, f'{phase}_pipeline') for phase in PHASES if cfg.get(f'{phase}_pipeline')]
    for phase in PHASES:
        datasets = datasets_in((cfg.get('data') or {}).get(phase) or {})
        found += [(f'data.{phase}.pipeline', dataset, 'pipeline') for dataset in datasets if dataset.get('pipeline')]
    return found


def write_out_pipelines(cfg: Config) -> None:
    """Set the ``pipeline`` of data sets without one to the top-level one of their phase (test falls back on val).

    Raises:
        ValueError: If no pipeline is found.
    """
    data = cfg.get('data') or {}
    for phase in PHASES:
        pipeline = cfg.get(f'{phase}_pipeline') or (cfg.get('val_pipeline') if phase == 'test' else None)
        for dataset in datasets_in(data.get(phase) or {}):
            if dataset.get('pipeline') is None:
                if 'ann_file' not in dataset and (pipeline is None or not takes(dataset, 'pipeline')):
                    continue  # a user's data set without a pipeline, or with one of its own
                if pipeline is None:
                    raise ValueError(
                        f'data.{phase} has no pipeline and the config has no {phase}_pipeline; set one of them'
                    )
                dataset['pipeline'] = pipeline


def write_out_modality(cfg: Config) -> None:
    """Set ``feats`` of every ``GenSkeFeat`` without it to ``modality``.

    Raises:
        ValueError: If ``modality`` is none of j, b, jm, bm or a list of them.
    """
    modality = cfg.get('modality')
    if modality is None:
        return
    feats = [modality] if isinstance(modality, str) else list(modality)
    if not feats or any(feat not in MODALITIES for feat in feats):
        raise ValueError(f'modality must be one of {MODALITIES} or a list of them, got {modality!r}')
    for _, holder, key in pipelines_in(cfg):
        for transform in holder[key]:
            if transform.get('type') == 'GenSkeFeat':
                transform.setdefault('feats', feats)


def write_out_layout(cfg: Config) -> None:
    """Set the skeleton of the graph and of transforms without one to ``layout``: a name, a file, or a dict."""
    layout = cfg.get('layout')
    if layout is None:
        return
    backbone = (cfg.get('model') or {}).get('backbone') or {}
    if isinstance(backbone.get('graph_cfg'), dict):
        backbone['graph_cfg'].setdefault('layout', layout)
    for _, holder, key in pipelines_in(cfg):
        for transform in holder[key]:
            kind = transform.get('type')
            if kind in SKELETON_ARGUMENTS and not (kind in NTU_BY_DEFAULT and layout == 'nturgb+d'):
                transform.setdefault(SKELETON_ARGUMENTS[kind], layout)


def _similar_files(path: Path) -> str:
    folder = path.parent
    while not folder.is_dir():
        folder = folder.parent
    names = sorted(str(p) for p in folder.glob('*.py')) or sorted(str(p) for p in folder.iterdir() if p.is_dir())
    near = difflib.get_close_matches(str(path), names, n=3, cutoff=0.5) or names[:5]
    return f'; found there: {", ".join(near)}' if near else ''
