"""Shell completion of ``pyskl`` with argcomplete: commands first, then the options of the command."""

import argparse
import importlib
import os

import argcomplete

from pyskl.cli.commands import DATA_COMMANDS, available, split


def complete() -> None:
    """Print the completions and exit; argcomplete reads the command line from the environment."""
    line, point = os.environ['COMP_LINE'], int(os.environ['COMP_POINT'])
    words = line[:point].split(' ')
    done = [word for word in words[1:-1] if word]
    if not done or done == ['data']:
        _complete_names(bool(done))
    try:
        name, module, _ = split(done)
    except ValueError:
        raise SystemExit(0) from None
    _skip(len(name.split()))
    _answer_at_parsing()
    importlib.import_module(module).main()


def _complete_names(data: bool) -> None:
    names = [*available(DATA_COMMANDS)] if data else [*available(), 'data']
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument('command', choices=names)
    _skip(int(data))
    argcomplete.autocomplete(parser)


def _skip(words: int) -> None:
    """Set argcomplete's number of words in the program's name ``words`` higher."""
    os.environ['_ARGCOMPLETE'] = str(int(os.environ['_ARGCOMPLETE']) + words)


def _answer_at_parsing() -> None:
    """Replace argument parsing by completion; this process does nothing else."""
    parse = argparse.ArgumentParser.parse_args

    def parse_args(parser: argparse.ArgumentParser, *args, **kwargs):
        argcomplete.autocomplete(parser)
        return parse(parser, *args, **kwargs)

    argparse.ArgumentParser.parse_args = parse_args
