"""Configs shipped with the package: the checkout's ``configs/``, or the copy in a wheel."""

import difflib
from functools import lru_cache
from pathlib import Path

from pyskl.zoo.names import short_name

PACKAGE = Path(__file__).resolve().parents[2]


def configs_folder() -> Path:
    """Return ``configs/`` of the checkout or of the installed package."""
    inside = PACKAGE / 'configs'
    return inside if inside.is_dir() else PACKAGE.parent / 'configs'


@lru_cache
def config_names() -> dict[str, Path]:
    """Map names to paths, ``{'stgcn++_ntu60_xsub_hrnet/j': path}``, for every config that is not a base.

    A name is the path below the family's folder, without ``.py``; where two families share it, the family precedes it.
    """
    folder = configs_folder()
    paths = [
        p for p in sorted(folder.rglob('*.py')) if '_base_' not in p.parts and len(p.relative_to(folder).parts) > 1
    ]
    by_name: dict[str, list[Path]] = {}
    for path in paths:
        family, *rest = path.relative_to(folder).with_suffix('').parts
        name = '/'.join(rest) if len(rest) > 1 else f'{family}/{rest[0]}'
        by_name.setdefault(name, []).append(path)
    names = {}
    for name, found in by_name.items():
        for path in found:
            names[name if len(found) == 1 else path.relative_to(folder).with_suffix('').as_posix()] = path
    return names


def architectures() -> dict[str, Path]:
    """Map names to paths, ``{'ctrgcn': path}``, for each base config of a network."""
    return {path.stem: path for path in sorted((configs_folder() / '_base_/models').glob('*.py'))}


def find_config(path: str | Path) -> Path:
    """Resolve ``path``: the file itself if it exists, else a shipped config.

    Accepts a name of :func:`config_names`, optionally with its family, a leading ``configs/``, and ``.py``; ``_pyskl``
    and ``_stgcn2cn`` may be left out.
    Returns ``path`` unchanged if no config matches.
    """
    given = Path(path)
    if given.exists():
        return given
    parts = given.parts[1:] if given.parts[:1] == ('configs',) else given.parts
    wanted = Path(*parts) if parts else given
    inside = configs_folder() / wanted
    for candidate in (inside, inside.with_name(f'{inside.name}.py')):
        if candidate.is_file():
            return candidate
    name = wanted.as_posix().removesuffix('.py')
    names = config_names()
    if name in names:
        return names[name]
    wanted = {short_name(name), short_name(name.partition('/')[2])}
    return next((path for known, path in names.items() if short_name(known) in wanted), given)


def similar_names(name: str) -> list[str]:
    """Return up to three names of shipped configs similar to ``name``."""
    return difflib.get_close_matches(str(name).removesuffix('.py'), config_names(), n=3, cutoff=0.6)
