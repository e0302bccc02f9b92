"""The configs that come with the package: the checkout's ``configs/``, or the copy that a wheel holds."""

import difflib
from functools import lru_cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]


def configs_folder() -> Path:
    """``configs/`` of the checkout or of the installed package."""
    inside = PACKAGE / 'configs'
    return inside if inside.is_dir() else PACKAGE.parent / 'configs'


@lru_cache
def config_names() -> dict[str, Path]:
    """``{'stgcn++_ntu60_xsub_hrnet/j': path}`` for every config that is not a base.

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
    """``{'ctrgcn': path}`` of each fragment that describes a network without a data set."""
    return {path.stem: path for path in sorted((configs_folder() / '_base_/models').glob('*.py'))}


def find_config(path: str | Path) -> Path:
    """The file that ``path`` names: itself if it is there, else a shipped config.

    Accepts a name of :func:`config_names`, the same with its family, with ``configs/`` in front, with ``.py``.
    Returns ``path`` as it is if nothing fits.
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
    return config_names().get(name, given)


def similar_names(name: str) -> list[str]:
    """Up to three names of shipped configs near ``name``."""
    return difflib.get_close_matches(str(name).removesuffix('.py'), config_names(), n=3, cutoff=0.6)
