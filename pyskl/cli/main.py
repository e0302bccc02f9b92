# PYTHON_ARGCOMPLETE_OK
"""The ``pyskl`` command: import the module of the given command and call its ``main``.

For shell completion run ``pip install argcomplete`` and ``eval "$(register-python-argcomplete pyskl)"``.
"""

import importlib
import os
import sys
import textwrap

from pyskl.cli.entry import run

USAGE = 'usage: pyskl COMMAND [options]      pyskl COMMAND --help      pyskl --version'


def overview() -> str:
    """Return the help of ``pyskl``: the commands by group."""
    from pyskl.cli.commands import DATA_COMMANDS, available

    lines, group = [USAGE, ''], None
    for command in available().values():
        heading = command.group if command.group != group else ''
        lines.append(f'{heading:<15} {command.name:<12} {command.help}')
        group = command.group
    names = ', '.join(name for name in available(DATA_COMMANDS) if name not in available())
    about = textwrap.wrap(f'create a data file; NAME is {names}', 50)
    lines += [f'{"":<15} {"" if i else "data NAME":<12} {line}' for i, line in enumerate(about)]
    return '\n'.join(lines)


def data_overview() -> str:
    """Return the help of ``pyskl data``."""
    from pyskl.cli.commands import DATA_COMMANDS, available

    lines = ['usage: pyskl data NAME [options]      pyskl data NAME --help', '']
    return '\n'.join([*lines, *(f'  {c.name:<18} {c.help}' for c in available(DATA_COMMANDS).values())])


def main() -> int | None:
    """Run the command in ``sys.argv``."""
    words = sys.argv[1:]
    if '_ARGCOMPLETE' in os.environ:
        from pyskl.cli.completion import complete

        complete()
    if not words or words[0] in ('-h', '--help', 'help'):
        print(overview())
        return 0
    if words[0] in ('-V', '--version'):
        from pyskl import __version__

        print(f'pyskl {__version__}')
        return 0
    if words[0] == 'data' and (len(words) == 1 or words[1] in ('-h', '--help')):
        print(data_overview())
        return 0
    from pyskl.cli.commands import split

    name, module, rest = split(words)
    sys.argv = [f'pyskl {name}', *rest]
    return importlib.import_module(module).main()


def console() -> None:
    """Entry point of the console script."""
    run(main)
