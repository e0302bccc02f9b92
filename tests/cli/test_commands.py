"""Commands and their modules."""

import re
from pathlib import Path

import pytest

from pyskl.cli.commands import COMMANDS, DATA_COMMANDS, split

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ('words', 'found'),
    [
        (['train', 'x.py'], ('train', 'pyskl.cli.train', ['x.py'])),
        (['data', 'ntu', '--out', 'x'], ('data ntu', 'pyskl.cli.data.ntu', ['--out', 'x'])),
        (['data', 'from_arrays'], ('data from-arrays', 'pyskl.cli.data.from_arrays', [])),
        (['browse', 'x'], ('browse', 'pyskl.cli.data.browse', ['x'])),
    ],
)
def test_commands_are_found(words, found):
    assert split(words) == found


@pytest.mark.parametrize(
    ('words', 'hint'),
    [
        (['tset'], "no command 'tset'; did you mean 'pyskl test'"),
        (['data', 'from-arays'], "did you mean 'pyskl data from-arrays'"),
        (['zzz'], '`pyskl --help` lists all commands'),
    ],
)
def test_an_unknown_command_suggests_a_similar_one(words, hint):
    with pytest.raises(ValueError, match=hint):
        split(words)


def test_every_tool_is_a_command():
    modules = {command.path for command in (*COMMANDS, *DATA_COMMANDS)}
    doors = [path for path in (ROOT / 'tools').rglob('*.py') if 'pyskl.cli' in path.read_text()]
    opened = {name for path in doors for name in re.findall(r'from (pyskl\.cli\.\S+) import main', path.read_text())}
    assert len(opened) == len(doors) and opened <= modules
