"""Class names of a dataset: a shipped list, a text file, or a list in the config.

A file has one name per line, in the order of the labels; empty lines and lines that start with ``#`` are skipped.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path

LABELS = Path(__file__).with_name('labels')


def shipped() -> list[str]:
    """List the names of the shipped lists: ``ntu60``, ``k400``, ..."""
    return sorted(path.stem for path in LABELS.glob('*.txt'))


def class_names(classes: str | Path | Iterable[str], number: int | None = None) -> list[str]:
    """Return class names in the order of the labels.

    Args:
        classes: A name in :func:`shipped`, the path of a text file, or the names themselves.
        number: Number of classes of the network, if known.

    Raises:
        ValueError: If there is no such list, a name is not text, or there are not ``number`` names.
    """
    if isinstance(classes, str | Path):
        where, names = f'classes {str(classes)!r}', _read(str(classes))
    elif isinstance(classes, Iterable):
        where, names = 'classes', list(classes)
    else:
        raise ValueError(f'classes must be a name, a file or a list of names, got {classes!r}')
    wrong = [name for name in names if not isinstance(name, str) or not name.strip()]
    if wrong:
        raise ValueError(f'{where} must be text, got {wrong[0]!r}')
    if number is not None and len(names) != number:
        raise ValueError(f'{where} has {len(names)} names, but the network has {number} classes')
    return names


def _read(name: str) -> list[str]:
    path = LABELS / f'{name}.txt' if name in shipped() else Path(name)
    if not path.is_file():
        near = difflib.get_close_matches(name, shipped(), n=1)
        hint = f'; did you mean {near[0]!r}?' if near else f'; shipped lists: {", ".join(shipped())}'
        raise ValueError(f'{name!r} is neither a shipped list of classes nor a file{hint}')
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f'{path} is not a text file with one class name per line') from error
    names = [line.strip() for line in lines if line.strip() and not line.startswith('#')]
    if not names:
        raise ValueError(f'{path} has no class names')
    return names
